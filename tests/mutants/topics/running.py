"""A run as such: what a dry one leaves alone, and that nobody writes to a closed one."""

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from include import runs
from include.cohorts import carry_out
from include.database import Limits, transaction
from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.scene import day, refusal, selected
from tests.rows import fingerprint, rows

DAY_AFTER = "2026-01-02"


def dry_run_touches_nothing(engine: Engine) -> None:
    factories.card(engine)
    factories.card(engine, last_activity_at="2025-01-10T12:00Z")
    touched = ("loyalty_cards", "loyalty_transactions", "email_logs")
    before = [row for row in fingerprint(engine) if row[0] in touched]
    day(engine, DAY_AFTER, dry_run=True)
    assert [row for row in fingerprint(engine) if row[0] in touched] == before
    reasons = "select distinct reason from loyalty.expiration_skips"
    assert rows(engine, reasons) == [("dry_run",)]


def closed_run_takes_no_more_deeds(engine: Engine) -> None:
    factories.card(engine)
    run_id = day(engine, DAY_AFTER)
    before = fingerprint(engine)
    with transaction(engine) as connection:
        assert not runs.hold_open(connection, run_id)
    carry_out(engine, run_id, "expiry")
    assert fingerprint(engine) == before


def run_is_not_closed_under_a_writers_hands(engine: Engine) -> None:
    run_id = selected(engine, DAY_AFTER, "expiry")
    patient = runs.CLOSING
    runs.CLOSING = Limits(lock_timeout="100ms")
    try:
        with transaction(engine) as writer:
            assert runs.hold_open(writer, run_id)
            assert "lock timeout" in refusal(OperationalError, runs.close_run, engine, run_id)
    finally:
        runs.CLOSING = patient
    runs.close_run(engine, run_id)
    assert rows(engine, "select status from loyalty.expiration_runs") == [("closed",)]


MUTANTS = (
    Mutant(
        "dry_run_writes",
        "read_run_status/01_read_status.sql",
        "    runs.dry_run,\n",
        "    false as dry_run,\n",
        "A dry run plans and reports, and touches nobody.",
        dry_run_touches_nothing,
    ),
    Mutant(
        "dry_run_is_opened_as_a_real_one",
        "open_run/01_insert_run.sql",
        "%(dry_run)s::boolean as dry_run",
        "false as dry_run",
        "A dry run plans and reports, and touches nobody.",
        dry_run_touches_nothing,
    ),
    Mutant(
        "closed_run_is_taken_for_open",
        "hold_run/01_hold_run.sql",
        "and runs.status = 'open'",
        "",
        "A closed run takes no more rows.",
        closed_run_takes_no_more_deeds,
    ),
    Mutant(
        "writers_hold_no_run",
        "hold_run/01_hold_run.sql",
        "    for key share\n",
        "",
        "A deed could be committed into a run that has just been reported and closed.",
        run_is_not_closed_under_a_writers_hands,
    ),
    Mutant(
        "closing_waits_for_no_writer",
        "close_run/01_take_run.sql",
        "for update",
        "for no key update",
        "A deed could be committed into a run that has just been reported and closed.",
        run_is_not_closed_under_a_writers_hands,
    ),
)
