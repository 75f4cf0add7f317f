"""A real PostgreSQL for every test, and in it a migrated database without rows."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Engine, NullPool, create_engine, make_url
from xdist.scheduler import LoadFileScheduling

from include.clock import parse_instant
from include.database import connect
from include.embedded import postgres
from include.migrations import migrate
from tests.databases import Databases, new_database

# Read once: the tests themselves run without any connection in their environment.
GIVEN_SERVER = os.environ.get("AIRFLOW_CONN_LOYALTY_DB")
OWN_VARIABLES = ("AIRFLOW_CONN_", "LOYALTY_")
MEMORY_BYTES_MIN = 2 << 30
# They share an Airflow that takes a minute to come up.
BROWSING = "tests/pages/browsing/"


class ByFile(LoadFileScheduling):
    """Gives whole files to the processes of a run, in order, and the browsing as if it were one."""

    def _split_scope(self, nodeid: str) -> str:
        return BROWSING if nodeid.startswith(BROWSING) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


def pytest_xdist_auto_num_workers() -> int | None:
    # Each process has a server of its own, but roles are a server's: on a given one, only one.
    return 1 if GIVEN_SERVER else None


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(OWN_VARIABLES)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LOYALTY_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """A server on which databases may be created; the one named in the URL is never touched."""
    if GIVEN_SERVER:
        yield make_url(GIVEN_SERVER).set(drivername="postgresql+psycopg2", query={})
        return
    with throw_away_server(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@contextmanager
def throw_away_server(folder: Path | None = None) -> Iterator[URL]:
    """A server of our own, in memory where there is room, else in `folder`."""
    home = in_memory() or folder or Path(tempfile.mkdtemp(prefix="loyalty-test-"))
    try:
        yield make_url(postgres.start(home, durable=False).url("postgres"))
    finally:
        postgres.remove(home)
        shutil.rmtree(home, ignore_errors=True)


def in_memory() -> Path | None:
    """Return a new folder that lies in memory, None where there is no room for a server.

    A database is 300 files: copying the template takes 17 ms in memory and 300 ms on a slow disk.
    """
    memory = Path("/dev/shm")  # noqa: S108 - only ever used through mkdtemp
    is_roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_BYTES_MIN
    return Path(tempfile.mkdtemp(prefix="loyalty-test-", dir=memory)) if is_roomy else None


@pytest.fixture(scope="session")
def template_url(server_url: URL) -> Iterator[URL]:
    with new_database(server_url) as url:
        engine = create_engine(url, poolclass=NullPool)
        migrate(engine)
        engine.dispose()
        yield url


@pytest.fixture(scope="session")
def databases(template_url: URL) -> Iterator[Databases]:
    kept = Databases(template_url)
    yield kept
    kept.close()


@pytest.fixture
def engine(databases: Databases) -> Iterator[Engine]:
    """A migrated database without rows."""
    with databases.lent() as engine:
        yield engine


@pytest.fixture
def other_engine(databases: Databases) -> Iterator[Engine]:
    """A second database like `engine`, to compare two histories."""
    with databases.lent() as engine:
        yield engine


@pytest.fixture
def database(engine: Engine) -> Engine:
    return engine


@pytest.fixture
def empty_database(server_url: URL) -> Iterator[Engine]:
    """A fresh database before the first migration."""
    with new_database(server_url) as url:
        engine = connect(url.render_as_string(hide_password=False))
        yield engine
        engine.dispose()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], datetime]:
    """Set the clock: `at("2026-03-01T02:00:00+00:00")`; returns that instant."""

    def set_clock(instant: str) -> datetime:
        monkeypatch.setenv("LOYALTY_NOW", instant)
        return parse_instant(instant, "LOYALTY_NOW")

    return set_clock


@pytest.fixture
def now(at: Callable[[str], datetime]) -> Callable[[str], datetime]:
    return at
