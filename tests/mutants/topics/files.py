"""Cohort files: every deed in one part, and in no other."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from sqlalchemy import Engine

from include import cohort_files
from include.cohorts import Kind
from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.scene import day
from tests.rows import rows

LIST = "list_file_parts/01_list_parts.sql"
COPY = "copy_file_part/01_copy_part.sql"


def parts_hold_every_deed_once(engine: Engine) -> None:
    os.environ["LOYALTY_COHORT_PART_ROWS"] = "2"
    program = factories.program(engine)
    # Five due on 1 January, five to be warned on the 2nd; the later the card, the fewer its points.
    for number in range(10):
        active_at = "2025-01-01T12:00Z" if number % 2 else "2025-01-10T12:00Z"
        factories.card(engine, program, points=50 - number, last_activity_at=active_at)
    run_id = day(engine, "2026-01-02")
    kinds: tuple[tuple[Kind, str], ...] = (
        ("warning", "loyalty_points_expiring"), ("expiry", "loyalty_points_expired")
    )  # fmt: skip
    for kind, template in kinds:
        with tempfile.TemporaryDirectory() as folder:
            made = cohort_files.export(engine, Path(folder), run_id, kind)
            assert [part.rows for part in made.parts] == [2, 2, 1]
            named = [
                mail_id
                for part in made.parts
                for batch in cohort_files.read_ids(engine, Path(folder), run_id, kind, part.name)
                for mail_id in batch
            ]
        queued = "select id from loyalty.email_logs where template_code = %(t)s order by card_id"
        assert [(mail_id,) for mail_id in named] == rows(engine, queued, t=template)


MUTANTS = (
    Mutant(
        "parts_overlap",
        LIST,
        "(dense_rank() over (order by deeds.card_id) - 1)",
        "(dense_rank() over (order by deeds.points) - 1)",
        "Parts are cut in card order, because that is how they are copied.",
        parts_hold_every_deed_once,
    ),
    Mutant(
        "first_part_is_a_row_short",
        LIST,
        "(dense_rank() over (order by deeds.card_id) - 1)",
        "dense_rank() over (order by deeds.card_id)",
        "Parts are of equal size, numbered from 0.",
        parts_hold_every_deed_once,
    ),
    Mutant(
        "warning_file_misses_the_first_card",
        COPY,
        "and warnings.card_id between %(first_card_id)s::bigint and %(last_card_id)s::bigint",
        "and warnings.card_id > %(first_card_id)s::bigint"
        " and warnings.card_id <= %(last_card_id)s::bigint",
        "A customer whose row is missing gets the mail late or never.",
        parts_hold_every_deed_once,
    ),
    Mutant(
        "expiry_file_misses_the_last_card",
        COPY,
        "and expirations.card_id between %(first_card_id)s::bigint and %(last_card_id)s::bigint",
        "and expirations.card_id >= %(first_card_id)s::bigint"
        " and expirations.card_id < %(last_card_id)s::bigint",
        "A customer whose row is missing gets the mail late or never.",
        parts_hold_every_deed_once,
    ),
)
