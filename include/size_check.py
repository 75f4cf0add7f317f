"""The size check: holds a program whose expiry cohort is far beyond its own history."""

from __future__ import annotations

import logging

from sqlalchemy import Engine

from include.cohorts import skip
from include.database import SELECTION, run_stage, transaction
from include.runs import hold_open, is_dry

log = logging.getLogger(__name__)


def check_size(engine: Engine, run_id: int) -> list[int]:
    """Judge every program's expiry cohort, and skip the cards of those that are held.

    On a closed run nothing is judged anew. A dry run judges and skips for its own reason.

    Returns:
        The ids of the held programs.
    """
    with transaction(engine, SELECTION) as connection:
        if hold_open(connection, run_id):
            run_stage(connection, "check_size", {"run_id": run_id})
        listed = run_stage(connection, "list_held_programs", {"run_id": run_id})
    held = [int(program_id) for program_id in listed["held_program_ids"]]
    for program_id in held:
        log.warning(
            "Program %s is held: its expiry cohort is far beyond its own history. Nothing of it "
            "expires before a person has approved the plan.",
            program_id,
        )
    if held and not is_dry(engine, run_id):
        skip(engine, run_id, "expiry", "held", program_ids=held)
    return held
