"""Brings a PostgreSQL database up to date; safe to repeat and gentle to a live application.

Tables that exist are verified and extended, never rebuilt: columns with constant defaults,
constraints `not valid` and validated afterwards, indexes `concurrently`, all under a
`lock_timeout`. A step that changes several of the application's tables locks all of them first or
none, so that no till waits for a step that waits for a till.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from alembic import command, op
from alembic.config import Config
from psycopg2.errors import (
    DeadlockDetected,
    InsufficientPrivilege,
    LockNotAvailable,
    QueryCanceled,
)
from sqlalchemy import Connection, CursorResult, Engine, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from include.database import ROLES, run_stage
from include.errors import SchemaError
from include.settings import SQL_ROOT

MIGRATIONS = SQL_ROOT / "migrations"
LOCK_TIMEOUT = "5s"
# Less than PostgreSQL's `deadlock_timeout`, after which a waiting till could be the victim.
LOCK_ATTEMPT = "900ms"
LOCK_ATTEMPTS = 30
LOCK_PAUSE_SECONDS = 0.5
MINIMUM_SERVER_VERSION = 150000
# Two migrations at once would build the same index twice; the number only has to be ours.
MIGRATION_TURN = {"turn": 7_016_513}
TURN_WAIT_SECONDS = 600


def migrate(engine: Engine, target: str = "head") -> str:
    """Apply every missing migration up to `target`; return the version the database has then.

    Raises:
        SchemaError: the server is too old, a table of the application differs from what the
            pipeline needs, its rows violate a constraint, or a lock was not to be had.
    """
    with engine.connect() as connection:
        _wait_for_turn(connection)
        try:
            _prepare(connection)
            _upgrade(connection, target)
            return current_version(connection) or "none"
        finally:
            connection.rollback()
            run_stage(connection, "leave_migration_turn", MIGRATION_TURN)


def current_version(connection: Connection) -> str | None:
    """Return the version in `loyalty.pipeline_version`, or None without that table."""
    if not run_stage(connection, "find_version_table", {})["has_version"]:
        return None
    return connection.scalar(text("table loyalty.pipeline_version"))


def _wait_for_turn(connection: Connection) -> None:
    # Polled, because a session that waits inside a statement holds a snapshot, and the other
    # migration's concurrent index would wait for that snapshot to end.
    for _ in range(TURN_WAIT_SECONDS):
        taken = run_stage(connection, "take_migration_turn", MIGRATION_TURN)["is_taken"]
        connection.commit()
        if taken:
            return
        time.sleep(1)
    raise SchemaError("Another migration of this database is running; wait for it, then retry.")


def _prepare(connection: Connection) -> None:
    version = run_stage(connection, "read_server_version", {})["server_version"]
    if version < MINIMUM_SERVER_VERSION:
        raise SchemaError(f"PostgreSQL 15 or newer is needed; this server is {version // 10000}.")
    connection.exec_driver_sql("create schema if not exists loyalty")
    connection.exec_driver_sql(f"set lock_timeout = '{LOCK_TIMEOUT}'")
    connection.commit()


def _upgrade(connection: Connection, target: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, target)
    except OperationalError as error:
        raise SchemaError(
            "The migration could not get its lock or was cut off, and changed nothing in that "
            f"step; run `make migrate` again at a quieter time. PostgreSQL said: {error.orig}"
        ) from error
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        raise SchemaError(
            "The connecting user may not change these tables; run `make migrate` as their owner. "
            f"PostgreSQL said: {str(error.orig).strip()}"
        ) from error


def lock_tables(mode: str, *tables: str) -> None:
    """Lock what a step is about to change of the application: all these tables, or none for now.

    It comes where the migration holds no lock yet. Tables that do not exist are left out.
    """
    present = set(inspect(op.get_bind()).get_table_names(schema="loyalty"))
    wanted = ", ".join(f"loyalty.{table}" for table in tables if table in present)
    if not wanted:
        return
    _patiently(lambda: _lock_at_once(op.get_bind(), f"lock table {wanted} in {mode} mode"))


def _patiently(attempt: Callable[[], object]) -> None:
    """Repeat what gives way where it does not get its locks at once."""
    for attempts_left in reversed(range(LOCK_ATTEMPTS)):
        try:
            attempt()
            return
        except OperationalError as error:
            gave_way = isinstance(error.orig, QueryCanceled | LockNotAvailable | DeadlockDetected)
            if not gave_way or not attempts_left:
                raise
            time.sleep(LOCK_PAUSE_SECONDS)


def _lock_at_once(connection: Connection, statement: str) -> None:
    with connection.begin_nested():
        connection.exec_driver_sql(f"set local statement_timeout = '{LOCK_ATTEMPT}'")
        connection.exec_driver_sql(statement)
        connection.exec_driver_sql("set local statement_timeout to default")


def run_file(name: str) -> None:
    """Execute the file `name` below `sql/migrations` in the migration's transaction."""
    _execute(op.get_bind(), (MIGRATIONS / name).read_text(encoding="utf-8"))


def create_roles(name: str) -> None:
    """Execute the file `name`, which creates roles and lends them to whoever migrates.

    Raises:
        SchemaError: the connecting user may do neither; says what an administrator has to do.
    """
    connection = op.get_bind()
    user = run_stage(connection, "read_user", {})["user_name"]
    try:
        run_file(name)
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        raise SchemaError(
            f"The user {user} may not create the pipeline's roles or put them on. Let an "
            f"administrator run: {''.join(f'create role {role} nologin; ' for role in ROLES)}"
            f"grant {', '.join(ROLES)} to {user}; -- then run `make migrate` again. "
            f"PostgreSQL said: {str(error.orig).strip()}"
        ) from error


def verify_columns(name: str) -> None:
    """Refuse to go on if the query in file `name` reports a missing or mistyped column."""
    differences = _execute(op.get_bind(), (MIGRATIONS / name).read_text(encoding="utf-8")).all()
    if differences:
        listed = "; ".join(
            f"{row.column_name} should be {row.expected_type} and is {row.found_type}"
            for row in differences
        )
        raise SchemaError(
            f"The tables in schema loyalty are not the loyalty application's: {listed}. "
            "Nothing was changed; add or convert these columns, then run `make migrate` again."
        )


def create_index(name: str, definition: str, *, unique: bool = False) -> None:
    """Build an index without stopping writers; a half-built one of that name is replaced.

    It commits what the migration has done before, so it comes first, or after what may be repeated.
    """
    kind = "unique index" if unique else "index"
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        if _is_invalid(connection, name):
            connection.exec_driver_sql(f"drop index concurrently loyalty.{name}")
        # It waits for old transactions without making anybody wait, so it may wait long.
        connection.exec_driver_sql("set lock_timeout = 0")
        connection.exec_driver_sql(
            f"create {kind} concurrently if not exists {name} on loyalty.{definition}"
        )
        connection.exec_driver_sql(f"set lock_timeout = '{LOCK_TIMEOUT}'")


def create_unique_constraint(table: str, name: str, columns: str) -> None:
    """Add a named unique constraint unless the table has one on the same columns.

    Raises:
        SchemaError: rows of the table are equal in these columns.
    """
    if _has_unique_index(op.get_bind(), table, columns, name):
        return
    try:
        create_index(name, f"{table} ({columns})", unique=True)
    except IntegrityError as error:
        raise SchemaError(
            f"loyalty.{table} holds rows that are equal in ({columns}); make them differ, then "
            f"run `make migrate` again. PostgreSQL said: {error.orig}"
        ) from error
    with op.get_context().autocommit_block():
        op.get_bind().exec_driver_sql(
            f"alter table loyalty.{table} add constraint {name} unique using index {name}"
        )


def validate_constraints(*constraints: tuple[str, str]) -> None:
    """Check existing rows against each (table, constraint); drop again what they violate.

    Raises:
        SchemaError: rows violate a constraint, which must not stay to refuse the application's
            next change of such a row.
    """
    failures = [
        failure
        for table, name in constraints
        if (failure := _validation_failure(table, name)) is not None
    ]
    if failures:
        raise SchemaError(
            "Rows of the application break a rule that the pipeline relies on; put them right, "
            "then run `make migrate` again. " + " ".join(failures)
        )


def _validation_failure(table: str, name: str) -> str | None:
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        try:
            connection.exec_driver_sql(f"alter table loyalty.{table} validate constraint {name}")
        except IntegrityError as error:
            # It locks the table and the one that is referred to.
            connection.exec_driver_sql(f"set statement_timeout = '{LOCK_ATTEMPT}'")
            drop = f"alter table loyalty.{table} drop constraint {name}"
            _patiently(lambda: connection.exec_driver_sql(drop))
            connection.exec_driver_sql("set statement_timeout to default")
            return str(error.orig).strip()
    return None


def _is_invalid(connection: Connection, index: str) -> bool:
    return bool(run_stage(connection, "find_invalid_index", {"index_name": index})["is_invalid"])


def _has_unique_index(connection: Connection, table: str, columns: str, name: str) -> bool:
    binds = {"table_name": table, "columns": columns, "constraint_name": name}
    return bool(run_stage(connection, "find_unique_index", binds)["is_unique"])


def _execute(connection: Connection, statement: str) -> CursorResult[Any]:
    # Without this option the driver would read a percent sign as the start of a bind.
    return connection.execution_options(no_parameters=True).exec_driver_sql(statement)
