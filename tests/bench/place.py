"""Where the benchmark works: a durable PostgreSQL of its own, and databases made to measure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import Engine

from include.database import connect
from include.embedded import postgres
from include.lifecycle import start_above_ledger
from include.migrations import migrate

AS_OF = datetime(2026, 1, 31, 12, tzinfo=UTC)
SQL = Path(__file__).with_name("sql")
# What a small production server has; PostgreSQL's own defaults are for a laptop of 2005. A
# checkpoint in the middle would hit whoever is measured then, so each measurement begins with one.
SETTINGS = {
    "shared_buffers": "2GB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",
    "maintenance_work_mem": "512MB",
    "effective_cache_size": "8GB",
    "random_page_cost": "1.1",
    "autovacuum": "off",
}


@dataclass(frozen=True)
class Size:
    """How big a platform is, and how many of its cards are due or near their date."""

    cards_total: int
    due_total: int
    near_total: int = 0
    programs_total: int = 200


@dataclass(frozen=True)
class Place:
    """A server with databases for measuring; each is named by what it holds."""

    server: postgres.Server
    folder: Path

    def filled(self, size: Size) -> str:
        """Return the name of a database with such a platform, filled where it is new."""
        name = "bench_" + "_".join(map(str, asdict(size).values()))
        if not self._has(name):
            self._fill(name, size)
        return name

    @contextmanager
    def copy(self, name: str, number: int = 0) -> Iterator[Engine]:
        """Yield a fresh copy of a database, with all of it written to the disk.

        Copies that are there at the same time have different numbers.
        """
        copy = f"bench_copy_{number}"
        postgres.drop_database(self.server, copy)
        self._administer("create database {} template {} strategy file_copy", copy, name)
        engine = connect(self.server.url(copy))
        try:
            run_file(engine, "warm_up")
            yield engine
        finally:
            engine.dispose()
            postgres.drop_database(self.server, copy)

    def engine(self, name: str) -> Engine:
        """Return an engine for one of the databases."""
        return connect(self.server.url(name))

    def new(self, name: str) -> Engine:
        """Return an engine for a new database, migrated and empty."""
        postgres.drop_database(self.server, name)
        postgres.ensure_database(self.server, name)
        engine = self.engine(name)
        migrate(engine)
        return engine

    def _fill(self, name: str, size: Size) -> None:
        engine = self.new("bench_draft")
        run_file(engine, "set_aside_indexes")
        run_folder(engine, "fill_platform", asdict(size) | {"as_of": AS_OF})
        run_file(engine, "build_indexes")
        start_above_ledger(engine)
        engine.dispose()
        self._administer("alter database {} rename to {}", "bench_draft", name)

    def _has(self, name: str) -> bool:
        with closing(psycopg2.connect(self.server.uri("postgres"))) as connection:
            cursor = connection.cursor()
            cursor.execute("select 1 from pg_database where datname = %s", (name,))
            return cursor.fetchone() is not None

    def _administer(self, statement: str, *names: str) -> None:
        with closing(psycopg2.connect(self.server.uri("postgres"))) as connection:
            connection.autocommit = True
            connection.cursor().execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def open_place(home: Path) -> Iterator[Place]:
    """Start the benchmark's server, at its platforms' noon; its databases are gone afterwards."""
    server = postgres.start(home)
    known = os.environ.get("LOYALTY_NOW")
    os.environ["LOYALTY_NOW"] = AS_OF.isoformat()
    try:
        with closing(psycopg2.connect(server.uri("postgres"))) as connection:
            connection.autocommit = True
            for setting, value in SETTINGS.items():
                connection.cursor().execute(
                    sql.SQL("alter system set {} = {}").format(
                        sql.Identifier(setting), sql.Literal(value)
                    )
                )
        postgres.stop(home)
        yield Place(postgres.start(home), home.parent)
    finally:
        del os.environ["LOYALTY_NOW"]
        if known:
            os.environ["LOYALTY_NOW"] = known
        postgres.remove(home)
        shutil.rmtree(home, ignore_errors=True)


def written_bytes(engine: Engine) -> int:
    """Return how much the server has written to its log so far."""
    written = "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(written).scalar_one())


def run_folder(engine: Engine, folder: str, binds: dict[str, Any]) -> None:
    """Run the statements of one of the benchmark's folders in number order, in one transaction."""
    with engine.begin() as connection:
        connection.exec_driver_sql("set local session_replication_role = replica")
        for file in sorted((SQL / folder).glob("*.sql")):
            connection.exec_driver_sql(file.read_text(encoding="utf-8"), binds)


def run_file(engine: Engine, name: str) -> None:
    """Run a script of the benchmark's own, statement by statement."""
    script = (SQL / f"{name}.sql").read_text(encoding="utf-8")
    plainly = {"isolation_level": "AUTOCOMMIT", "no_parameters": True}
    with engine.connect().execution_options(**plainly) as connection:
        for statement in script.split("\n\n"):
            connection.exec_driver_sql(statement)
