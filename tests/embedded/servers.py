"""Homes for servers of the tests' own, and what a running server answers."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from include.embedded import postgres, postmaster


def new_home(parent: Path | None = None) -> Path:
    # pytest's own temporary folders are closed to the server's account.
    folder = Path(tempfile.mkdtemp(prefix="loyalty-test-", dir=parent))
    if parent is None:
        folder.chmod(0o755)
    return folder / "state folder" / "postgres"


def discard(home: Path) -> None:
    postgres.remove(home)
    for path in (home, home.parent, home.parent.parent):
        for entry in path.glob("*") if path.exists() else ():
            entry.unlink()
        if path.exists():
            path.rmdir()


def pid(server: postgres.Server) -> int:
    found = postmaster.pid(server.data_dir)
    assert found is not None
    return found


def ask(server: postgres.Server, query: str, *, database: str = "postgres") -> Any:
    with closing(psycopg2.connect(server.uri(database))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(query)
            row = cursor.fetchone() if cursor.description else None
            return row and row[0]
