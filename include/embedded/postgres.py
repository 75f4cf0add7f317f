"""A real PostgreSQL of our own, from a wheel: started, found again and stopped by its home folder.

The home holds `postgres.json` (the password; mode 0600), a lock file, and `cluster/` with the data
and the log, unless the server's account cannot enter it: then `place.py` finds another folder.
"""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2 import errors, sql

from include.database import statements
from include.embedded import ports, postmaster, state
from include.embedded.cluster import LOCK, RECORD, founded, known, record
from include.embedded.launch import START_SECONDS, USER, initialise, launch
from include.errors import ServerError

STOP_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """How to reach a running server."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    data_dir: Path

    def url(self, database: str) -> str:
        """Return the address of `database` for SQLAlchemy."""
        return f"postgresql+psycopg2://{self._target(database)}"

    def uri(self, database: str) -> str:
        """Return the address of `database` for libpq, psql and Airflow."""
        return f"postgresql://{self._target(database)}"

    def _target(self, database: str) -> str:
        words = (self.user, self.password, database)
        user, password, name = (quote(word, safe="") for word in words)
        return f"{user}:{password}@{self.host}:{self.port}/{name}"


def start(home: Path, *, durable: bool = True, version: int = 18) -> Server:
    """Return the server of `home`, started, and created with an empty data folder, where needed.

    A server that already runs is returned as it is, whoever started it; processes that start one
    at the same moment get the same. It outlives the caller. `durable=False` trades safety against
    a power cut for speed, for tests.

    Raises:
        ServerError: it did not come up, or belongs to another user or version.
    """
    home = home.resolve()
    with _refusal_explained(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with state.locked(home / LOCK):
            return _started(home, durable=durable, version=version)


def stop(home: Path) -> None:
    """Stop the server of `home`, rolling back what is open; no error where none runs."""
    home = home.resolve()
    with _refusal_explained(home):
        if known(home) is not None:
            with state.locked(home / LOCK):
                _stopped(home)


def is_running(home: Path) -> bool:
    """Tell whether the server of `home` runs."""
    home = home.resolve()
    with _refusal_explained(home):
        cluster = known(home)
        return cluster is not None and postmaster.pid(cluster.data) is not None


def remove(home: Path) -> None:
    """Stop the server of `home` and delete its data, wherever they lie."""
    home = home.resolve()
    with _refusal_explained(home):
        if known(home) is not None:
            with state.locked(home / LOCK):
                _stopped(home)
                _deleted(home)


def ensure_database(server: Server, name: str) -> None:
    """Create the database `name` unless it exists."""
    with closing(psycopg2.connect(server.uri("postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            (find,) = statements("find_database")
            cursor.execute(find, {"name": name})
            if cursor.fetchone() is None:
                _create_database(cursor, name)


def drop_database(server: Server, name: str) -> None:
    """Drop the database `name` and all in it, whoever is connected; none of that name is fine."""
    with closing(psycopg2.connect(server.uri("postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )


def _create_database(cursor: psycopg2.extensions.cursor, name: str) -> None:
    try:
        cursor.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        pass  # another process created it in the same moment


def _started(home: Path, *, durable: bool, version: int) -> Server:
    cluster = known(home, version) or founded(home, version)
    if not cluster.data.exists():
        initialise(cluster, durable=durable)
    if postmaster.pid(cluster.data) is None:
        launch(cluster, durable=durable)
    port = postmaster.wait_until_ready(cluster.data, seconds=START_SECONDS)
    record(replace(cluster, port=port))
    return Server(ports.HOST, port, USER, cluster.password, cluster.data)


def _stopped(home: Path) -> None:
    if (cluster := known(home)) is not None:
        postmaster.stop(cluster.data, seconds=STOP_SECONDS)


def _deleted(home: Path) -> None:
    if (cluster := known(home)) is not None:
        shutil.rmtree(cluster.data.parent if cluster.base == home else cluster.base)
        (home / RECORD).unlink()


@contextmanager
def _refusal_explained(home: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise ServerError(_refusal(home, str(error.filename or home))) from error


def _refusal(home: Path, what: str) -> str:
    caller = _name(os.geteuid())
    try:
        owner = _name(home.stat().st_uid)
    except OSError:
        return f"{caller} may not use {what}; set LOYALTY_STATE_DIR to a folder of {caller}."
    return (
        f"{home} belongs to {owner}, and {caller} may not use {what}; "
        f"run this as {owner}, or have {owner} remove that folder."
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
