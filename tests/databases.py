"""Migrated databases that outlive a test: emptied behind it, dropped where more than rows changed.

To copy and drop one costs more than most tests do, and so does a session that knows no table yet.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg2
from sqlalchemy import URL, Engine, NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from include.database import connect
from include.prepared import PreparingSession as Session
from tests.rows import rows

# What deleted rows leave behind; plans must not depend on the tests that went before.
GROWTH_BYTES_MAX = 4 << 20
# Quicker than to truncate, and what a session knows of the tables stays true.
EMPTYING = """
    begin;
    set local session_replication_role = replica;
    {deletions};
    insert into loyalty.lifecycle_unread (first_id) values (1);
    select setval(oid::regclass, 1, false) from pg_class
    where relkind = 'S' and relnamespace = 'loyalty'::regnamespace;
    commit
"""
DELETIONS = """
    select string_agg('delete from loyalty.' || tablename, ';') from pg_tables
    where schemaname = 'loyalty' and tablename <> 'pipeline_version'
"""
# Every definition, right and statistic of the schema changes one of these.
DEFINITIONS = """
    select 'class', count(*), sum(xmin::text::bigint) from pg_class where oid >= 16384
    union all
    select 'attribute', count(*), sum(xmin::text::bigint) from pg_attribute where attrelid >= 16384
    union all
    select 'constraint', count(*), sum(xmin::text::bigint) from pg_constraint where oid >= 16384
    union all
    select 'function', count(*), sum(xmin::text::bigint) from pg_proc where oid >= 16384
    union all
    select 'trigger', count(*), sum(xmin::text::bigint) from pg_trigger where oid >= 16384
    union all
    select 'schema', count(*), sum(xmin::text::bigint) from pg_namespace
    where oid >= 16384 and nspname not like 'pg_%%'
    union all
    select 'setting', count(*), sum(xmin::text::bigint) from pg_db_role_setting
    union all
    select 'statistics', count(*), 0 from pg_statistic where starelid >= 16384
"""
SIZE = "select pg_database_size(current_database())"
OTHERS = """
    select count(*) from pg_stat_activity
    where datname = current_database() and pid <> all(%(ours)s)
"""


class Databases:
    """Copies of a migrated template, each lent to one borrower at a time."""

    def __init__(self, template: URL) -> None:
        self._template = template
        self._free: list[_Kept] = []

    @contextmanager
    def lent(self) -> Iterator[Engine]:
        """Lend an engine on a database without rows, whose ids begin at 1."""
        kept = self._free.pop() if self._free else _Kept(self._template)
        try:
            # Of its own, so that no listener outlives the borrower.
            yield kept.engine.execution_options()
        finally:
            if kept.is_as_new():
                self._free.append(kept)
            else:
                kept.drop()

    def close(self) -> None:
        while self._free:
            self._free.pop().drop()


class _Kept:
    def __init__(self, template: URL) -> None:
        self._ends = ExitStack()
        url = self._ends.enter_context(new_database(template, template=template.database))
        self.engine = connect(url.render_as_string(hide_password=False))
        self._ends.callback(self.engine.dispose)
        self._definitions = rows(self.engine, DEFINITIONS)
        self._size = rows(self.engine, SIZE)[0][0]
        self._emptying = EMPTYING.format(deletions=rows(self.engine, DELETIONS)[0][0])

    def drop(self) -> None:
        self._ends.close()

    def is_as_new(self) -> bool:
        """Empty the database; tell whether nothing but rows had changed, and nobody is in it."""
        if self.engine.pool.checkedout():
            return False
        try:
            with ExitStack() as held:
                number = max(1, self.engine.pool.checkedin())
                return self._emptied([self._renewed(held) for _ in range(number)])
        except (SQLAlchemyError, psycopg2.Error):
            return False

    def _renewed(self, held: ExitStack) -> Session:
        """Take a session of the pool and make it forget all but what the tables look like."""
        taken = self.engine.raw_connection()
        held.callback(taken.close)
        session = taken.driver_connection
        session.autocommit = True
        held.callback(setattr, session, "autocommit", False)
        _ask(session, "discard all")
        session.executions.clear()
        return session

    def _emptied(self, sessions: list[Session]) -> bool:
        session = sessions[0]
        has_grown = _ask(session, SIZE)[0][0] > self._size + GROWTH_BYTES_MAX
        if has_grown or _ask(session, DEFINITIONS) != self._definitions:
            return False
        if not _left_alone(session, [each.info.backend_pid for each in sessions]):
            return False
        _ask(session, self._emptying)
        return True


def _left_alone(session: Session, ours: list[int]) -> bool:
    """Tell whether no other session is in the database; one that was closed may take a moment."""
    for _ in range(20):
        if _ask(session, OTHERS, {"ours": ours}) == [(0,)]:
            return True
        time.sleep(0.005)
    return False


def _ask(session: Session, statement: str, binds: dict[str, Any] | None = None) -> list[Any]:
    with session.cursor() as cursor:
        cursor.execute(statement, binds)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def new_database(server: URL, template: str | None = None) -> Iterator[URL]:
    """Create a database of our own beside those of the server, and drop it at the end."""
    name = f"loyalty_test_{secrets.token_hex(6)}"
    administration = create_engine(
        server.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool
    )
    with administration.connect() as connection:
        connection.exec_driver_sql(f"create database {name} template {template or 'template0'}")
    try:
        yield server.set(database=name)
    finally:
        with administration.connect() as connection:
            connection.exec_driver_sql(f"drop database if exists {name} with (force)")
