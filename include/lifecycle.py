"""Lifecycle mails: enrollments, welcome bonuses and rewards, queued from the ledger's new rows.

Which rows are new is noted id by id in `lifecycle_unread`, because an id is taken before its row
is committed: `docs/decisions/0007-mark-that-misses-nothing.md`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from include.clock import read_clock
from include.database import (
    HOLDING,
    READER,
    Binds,
    Limits,
    is_lock_conflict,
    require_schema,
    run_stage,
    statements,
    transaction,
)
from include.errors import SchemaError
from include.mail.templates import DECLARED_VARIABLES
from include.settings import positive_int

log = logging.getLogger(__name__)

Event = Literal["loyalty_enrollment", "loyalty_welcome_bonus", "loyalty_reward_ready"]
EVENTS: tuple[Event, ...] = get_args(Event)

CHUNK_ROWS_DEFAULT = 1000
# The turn is another run's for as long as its chunk takes; nothing is held while waiting for it.
TURN = Limits(lock_timeout="60s", idle_timeout="10s")
# Who takes ids in advance (a sequence with a cache, an application that numbers rows itself) may
# use them late. Looking for a missing id costs microseconds; ids of rolled back rows stay missing.
MISSING_IDS_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class DagRun:
    """The DAG run on whose behalf mails are queued; repeating it continues its run."""

    dag_id: str
    dag_run_id: str


@dataclass(frozen=True)
class Queued:
    """What an attempt queued: mails, and events passed over because the application held them."""

    mails: int = 0
    events_passed_over: int = 0


def queue_events(engine: Engine, dag_run: DagRun) -> Queued:
    """Queue a mail for every event that no run has read, chunk by chunk, each whole or not at all.

    An event whose card or customer the application holds stays unread: the next run has it.

    Raises:
        SchemaError: the database does not say where the ledger's new rows begin.
    """
    require_schema(engine)
    done, after_id = Queued(), 0
    while True:
        last_id, queued = _chunk(engine, dag_run, after_id)
        if last_id is None:
            break
        after_id = last_id
        done = Queued(
            done.mails + queued.mails, done.events_passed_over + queued.events_passed_over
        )
    _forget(engine)
    log.info(
        "%s mails are queued; %s events are left to the next run: the application holds them.",
        *vars(done).values(),
    )
    return done


def run_with_work(engine: Engine, dag_run: DagRun) -> int | None:
    """Return the run, None where there is nothing to send: no mail of its own, none that is due."""
    now = read_clock(engine)
    run = vars(dag_run) | {"opened_at": now}
    due = {"template_codes": list(DECLARED_VARIABLES), "now_at": now}
    with transaction(engine) as connection:
        run_id = run_stage(connection, "find_lifecycle_run", run)["run_id"]
        if run_id is None and run_stage(connection, "find_due_mail", due)["is_due"]:
            run_stage(connection, "open_lifecycle_run", run)
            run_id = run_stage(connection, "find_lifecycle_run", run)["run_id"]
    return None if run_id is None else int(run_id)


def find_run(engine: Engine, dag_run: DagRun) -> int | None:
    """Return the run of a DAG run, None where it had nothing to do."""
    with transaction(engine, role=READER) as connection:
        run_id = run_stage(connection, "find_lifecycle_run", vars(dag_run))["run_id"]
    return None if run_id is None else int(run_id)


def count_mails(engine: Engine, run_id: int) -> dict[Event, tuple[int, int]]:
    """Return, by event, how many mails a run queued and how many of them are sent."""
    (statement,) = statements("count_lifecycle_mails")
    with transaction(engine, role=READER) as connection:
        rows = connection.exec_driver_sql(statement, {"run_id": run_id}).all()
    return {row.template_code: (row.mails_total, row.sent_total) for row in rows}


def start_above_ledger(engine: Engine) -> None:
    """Let the mails start with what comes after the ledger's last row, as after an import."""
    with transaction(engine, TURN) as connection:
        run_stage(connection, "start_lifecycle", {})


def _chunk(engine: Engine, dag_run: DagRun, after_id: int) -> tuple[int | None, Queued]:
    """Read one chunk of ledger rows; return the last id looked at, None where nothing is left."""
    now = read_clock(engine)
    size = positive_int("LOYALTY_CHUNK_SIZE", CHUNK_ROWS_DEFAULT)
    picked: Binds = {}
    try:
        with transaction(engine, TURN) as connection:
            picked = run_stage(
                connection, "pick_events", {"after_id": after_id, "chunk_rows": size}
            )
            _require_started(picked)
            mails = _queue_picked(connection, dag_run, picked | {"queued_at": now})
    except OperationalError as error:
        if not picked or not is_lock_conflict(error):
            raise
        log.info("A chunk met a lock of the application; all of it stays unread.")
        return picked["last_id"], Queued(0, len(picked["event_ids"]))
    passed_over = len(picked["event_ids"]) - len(picked["locked_event_ids"])
    return picked["last_id"], Queued(mails, passed_over)


def _queue_picked(connection: Connection, dag_run: DagRun, picked: Binds) -> int:
    if not picked["picked_ids"]:
        return 0
    run_stage(connection, "limit_session", vars(HOLDING))
    run = vars(dag_run) | {"opened_at": picked["queued_at"]}
    if picked["locked_event_ids"]:
        run_stage(connection, "open_lifecycle_run", run)
    found = run_stage(connection, "find_lifecycle_run", run)
    return int(run_stage(connection, "queue_events", picked | found)["mails_queued"])


def _require_started(picked: Binds) -> None:
    if not picked["is_started"]:
        raise SchemaError(
            "loyalty.lifecycle_unread does not say where the ledger's new rows begin; no mail was "
            "queued. Insert the first id that is to be read as its first_id, alone in the row."
        )


def _forget(engine: Engine) -> None:
    binds = {"forgotten_before": read_clock(engine) - MISSING_IDS_KEPT}
    with transaction(engine, TURN) as connection:
        run_stage(connection, "forget_ids", binds)
