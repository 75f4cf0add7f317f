"""Runs the files of `sql/` on PostgreSQL: one folder is one stage, in number order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from psycopg2.errors import (
    DeadlockDetected,
    InsufficientPrivilege,
    InvalidParameterValue,
    LockNotAvailable,
)
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError, OperationalError

from include.errors import ConfigurationError, DatabaseUnreachableError, SchemaError
from include.prepared import PreparingSession
from include.settings import SQL_ROOT

Binds = dict[str, Any]
_ONLY_WITH = re.compile(r"^-- Only with: (\w+)", re.MULTILINE)

# What a task may do, table by table, is granted to these roles; each transaction puts one on.
PIPELINE, MAILER, EDITOR, READER = ROLES = (
    "loyalty_pipeline",
    "loyalty_mailer",
    "loyalty_editor",
    "loyalty_reader",
)


@dataclass(frozen=True)
class Limits:
    """What one transaction may cost the application; PostgreSQL intervals ('2s')."""

    lock_timeout: str = "2s"
    statement_timeout: str = "60s"
    # Nothing is waited for between two statements; a frozen task must not keep what it holds.
    idle_timeout: str = "60s"
    # What one sort may take before it goes to the disk; the server's own measure where None.
    work_mem: str | None = None
    # Whether rows are found by an index, in its order, whatever the statistics say.
    by_index: bool = False
    # Whether a commit waits until it is on the disk; if it does, the way the server is set to.
    waits_for_disk: bool = True


SHORT = Limits()
# Selecting reads and inserts only; a catch-up over a large platform may take minutes. It holds no
# card, so it may wait for another that plans or counts the same.
SELECTION = Limits(lock_timeout="10min", statement_timeout="30min", work_mem="64MB")
# Looking through a whole cohort or queue takes its time; locks are waited for as by anybody.
LOOKING = Limits(statement_timeout="30min", work_mem="64MB")
# A task that freezes with a chunk of cards in its hands loses its session, not the tills theirs.
# Locking a chunk waits for no card; this bounds the wait for the tables themselves.
# Its commit need not wait for the disk: PostgreSQL writes its log in order, so whatever builds on
# a chunk and waits (a till's next sale, the claim of its mail, the task's own end) has it written.
CHUNK = Limits(lock_timeout="500ms", idle_timeout="10s", waits_for_disk=False)
# Locking a held card waits for its till; it holds no other card meanwhile.
LAST_PASS = Limits(lock_timeout="5s", idle_timeout="10s")
# The same where it has waited long enough already.
HURRIED = Limits(lock_timeout="50ms", idle_timeout="10s")
# With cards in hand next to nothing is waited for: whoever waits for one of them may hold what we
# ask for, and PostgreSQL looks for a victim after a second (deadlock_timeout) of his waiting.
HOLDING = Limits(lock_timeout="50ms", idle_timeout="10s")
# Closing waits for every transaction that still writes the run's rows, frozen ones too.
CLOSING = Limits(lock_timeout="60s", statement_timeout="30min")
# A queue that was filled a moment ago passes for empty: each batch would read all of it and sort.
# It holds the cards that its mails speak of, so a sender that freezes then loses its session.
CLAIMING = Limits(by_index=True, idle_timeout="10s")
# What a mail server accepted must be written down, even if the application holds a mail's row.
RECORDING = Limits(lock_timeout="60s", statement_timeout="120s")


@cache
def statements(stage: str) -> tuple[str, ...]:
    """Return the statements of `sql/<stage>/` in number order.

    Raises:
        FileNotFoundError: the folder holds no .sql file.
    """
    files = sorted((SQL_ROOT / stage).glob("*.sql"))
    if not files:
        raise FileNotFoundError(f"sql/{stage} holds no statement.")
    return tuple(file.read_text(encoding="utf-8") for file in files)


def run_stage(connection: Connection, stage: str, binds: Mapping[str, Any]) -> Binds:
    """Run a stage's statements in order; the columns of a one-row result bind the next ones.

    A statement with a line `-- Only with: <bind>` in its header is left out where that bind is
    null, false or empty.

    Returns:
        All binds, with the columns that the statements returned.
    """
    known = dict(binds)
    for statement in statements(stage):
        if is_left_out(statement, known):
            continue
        result = connection.exec_driver_sql(statement, known)
        if result.returns_rows:
            row = result.mappings().one_or_none()
            known.update(row or {})
    return known


def is_left_out(statement: str, binds: Mapping[str, Any]) -> bool:
    """Tell whether a statement's header asks for a bind that is null, false or empty here."""
    condition = _condition_of(statement)
    return condition is not None and not binds[condition]


@cache
def _condition_of(statement: str) -> str | None:
    found = _ONLY_WITH.search(statement)
    return found and found[1]


def is_lock_conflict(error: DBAPIError) -> bool:
    """Tell whether a statement gave way because somebody else held what it asked for."""
    return isinstance(error.orig, LockNotAvailable | DeadlockDetected)


def connect(url: str) -> Engine:
    """Return an engine for `url`; connections are checked before use."""
    return create_engine(
        url,
        pool_pre_ping=True,
        # An error's text ends in a task's log, and a bind may be a customer's address.
        hide_parameters=True,
        # As many as LOYALTY_CHUNK_CONNECTIONS asks for, and the task's own.
        max_overflow=-1,
        connect_args={
            "application_name": "points-expiration",
            "connection_factory": PreparingSession,
        },
    )


@contextmanager
def transaction(
    engine: Engine, limits: Limits = SHORT, *, role: str | None = PIPELINE
) -> Iterator[Connection]:
    """Open one bounded transaction under `role`: committed at the end, rolled back on any error.

    Raises:
        DatabaseUnreachableError: no connection was to be had.
        SchemaError: the role does not exist; the migrations have not been applied.
        ConfigurationError: the connecting user may not put the role on.
    """
    with _open(engine) as connection, connection.begin():
        run_stage(connection, "limit_session", vars(limits))
        if role:
            _put_on(connection, role)
        yield connection


def _put_on(connection: Connection, role: str) -> None:
    try:
        run_stage(connection, "put_on_role", {"role": role})
    except DBAPIError as error:
        user = connection.engine.url.username
        if isinstance(error.orig, InvalidParameterValue):
            raise SchemaError(
                f"The cluster has no role {role}; run `make migrate` with AIRFLOW_CONN_LOYALTY_DB "
                "naming the database."
            ) from error
        if isinstance(error.orig, InsufficientPrivilege):
            raise ConfigurationError(
                f"The database user {user!r} may not put on the role {role}; let an administrator "
                f"run: grant {', '.join(ROLES)} to {user};"
            ) from error
        raise


@contextmanager
def _open(engine: Engine) -> Iterator[Connection]:
    try:
        connection = engine.connect()
    except OperationalError as error:
        address = f"{engine.url.host}:{engine.url.port or 5432}/{engine.url.database}"
        raise DatabaseUnreachableError(
            f"The loyalty database at {address} does not answer or not let us in; check the "
            "connection loyalty_db (AIRFLOW_CONN_LOYALTY_DB) and that the server runs. "
            f"PostgreSQL said: {str(error.orig).strip()}"
        ) from error
    with connection:
        yield connection


def require_schema(engine: Engine) -> None:
    """Refuse to work on a database without the pipeline's tables.

    Raises:
        SchemaError: the migrations have not been applied.
    """
    with transaction(engine, role=None) as connection:
        if not run_stage(connection, "check_schema", {})["is_migrated"]:
            raise SchemaError(
                f"Database {engine.url.database!r} lacks the pipeline's tables in schema loyalty; "
                "run `make migrate` with AIRFLOW_CONN_LOYALTY_DB naming it."
            )
