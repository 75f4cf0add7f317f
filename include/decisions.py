"""Plans that wait for a person: what is shown, what was answered, what becomes of the plan."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Engine

from include.clock import read_clock
from include.cohorts import Kind, select_cohort, skip
from include.database import SELECTION, require_schema, run_stage, statements, transaction
from include.errors import ConfigurationError
from include.proposals import Proposal, propose_expiry, propose_reinstatement
from include.runs import RunRequest, hold_open, open_run

log = logging.getLogger(__name__)

Answer = Literal["approved", "rejected", "timed_out"]


@dataclass(frozen=True)
class HeldPlan:
    """Which plan is to be decided: the daily run that holds it, and the program."""

    run_id: int
    program_id: int


@dataclass(frozen=True)
class Undoing:
    """Which expiries a person wants undone; None means any, and something has to be named."""

    run_id: int | None = None
    program_id: int | None = None
    card_ids: tuple[int, ...] | None = None


def open_held_run(engine: Engine, *, dag_id: str, dag_run_id: str, plan: HeldPlan) -> int:
    """Open the run under which a held plan is decided, with a copy of exactly that plan.

    Raises:
        ConfigurationError: the daily run named does not hold the program.
    """
    require_schema(engine)
    binds = {
        "dag_id": dag_id,
        "dag_run_id": dag_run_id,
        "held_run_id": plan.run_id,
        "program_id": plan.program_id,
        "evaluated_at": read_clock(engine),
    }
    with transaction(engine, SELECTION) as connection:
        insert, read, *copies = statements("open_held_run")
        connection.exec_driver_sql(insert, binds)
        opened = connection.exec_driver_sql(read, binds).mappings().one_or_none()
        if opened is None:
            raise ConfigurationError(
                f"Run {plan.run_id} does not hold program {plan.program_id}; give the id of a "
                "daily run and of a program that its size check holds."
            )
        for copy in copies:
            connection.exec_driver_sql(copy, binds | dict(opened))
    return int(opened["run_id"])


def open_reinstatement(engine: Engine, request: RunRequest, undoing: Undoing) -> int:
    """Open the run that undoes what a person names, and plan it.

    Raises:
        ConfigurationError: nothing is named.
    """
    if undoing == Undoing():
        raise ConfigurationError(
            "Say what is to be given back: run_id, program_id or card_ids. Where several are "
            "given, only what all of them name is given back."
        )
    run_id = open_run(engine, request)
    select_cohort(
        engine,
        run_id,
        "reinstatement",
        stage="select_reinstatements",
        expiring_run_id=undoing.run_id,
        program_id=undoing.program_id,
        card_ids=None if undoing.card_ids is None else list(undoing.card_ids),
    )
    return run_id


def describe_held_run(engine: Engine, run_id: int) -> Proposal:
    """Return what the person sees who decides on a held plan."""
    (facts,) = _describe(engine, "describe_held_run", run_id)
    return propose_expiry(facts)


def describe_reinstatement(engine: Engine, run_id: int) -> Proposal:
    """Return what the person sees who decides on a reinstatement."""
    return propose_reinstatement(_describe(engine, "describe_reinstatement", run_id))


def decide(
    engine: Engine, run_id: int, kind: Kind, answer: Answer, decided_by: str | None = None
) -> str:
    """Write the decision down; what is not approved is skipped for that reason.

    A held plan lapses when a later daily run proposes its program again. The first decision
    stands, however often this is asked.

    Returns:
        `approved`, `rejected`, `timed_out` or `lapsed`; `closed` where the run is closed already.
    """
    binds = {"run_id": run_id, "answer": answer, "decided_by": decided_by}
    with transaction(engine, SELECTION) as connection:
        if not hold_open(connection, run_id):
            return "closed"
        decision = str(run_stage(connection, "decide_run", binds)["decision"])
    log.info("Run %s: %s by %s.", run_id, decision.replace("_", " "), decided_by or "nobody")
    if decision == "lapsed":
        log.warning("A later daily run proposes the program again; decide on that plan instead.")
    if decision != "approved":
        skip(engine, run_id, kind, decision)
    return decision


def _describe(engine: Engine, stage: str, run_id: int) -> list[dict[str, Any]]:
    (statement,) = statements(stage)
    with transaction(engine) as connection:
        rows = connection.exec_driver_sql(statement, {"run_id": run_id}).mappings().all()
    return [dict(row) for row in rows]
