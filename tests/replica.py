"""A read replica of an embedded server: a second server that replays the first one's log."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg2

from include.embedded import account, postgres
from include.embedded.cluster import founded, record

VERSION = 18
CATCH_UP_SECONDS = 120


@contextmanager
def replica_of(primary: postgres.Server, home: Path) -> Iterator[postgres.Server]:
    """Copy the running `primary` into `home` and yield the server that follows it from then on."""
    home.mkdir(mode=0o755)
    cluster = replace(founded(home, VERSION), password=primary.password)
    record(cluster)
    folder = cluster.data.parent
    folder.mkdir(mode=0o700)
    account.give(folder, cluster.account)
    copy = [
        cluster.programs / "pg_basebackup",
        f"--pgdata={cluster.data}",
        f"--dbname={primary.uri('postgres')}",
        "--write-recovery-conf",
        "--checkpoint=fast",
    ]
    status, output = account.run(copy, cluster.account)
    assert status == 0, output
    try:
        yield postgres.start(home)
    finally:
        postgres.remove(home)
        shutil.rmtree(home, ignore_errors=True)


def seconds_behind(primary: postgres.Server, replica: postgres.Server) -> float:
    """Wait until the replica has replayed what the primary has written by now; return how long."""
    started = time.monotonic()
    written = _asked(primary, "select pg_current_wal_lsn()")
    while _asked(replica, f"select pg_last_wal_replay_lsn() < '{written}'"):
        assert time.monotonic() < started + CATCH_UP_SECONDS, "the replica does not follow"
        time.sleep(0.005)
    return time.monotonic() - started


def _asked(server: postgres.Server, query: str) -> object:
    with closing(psycopg2.connect(server.uri("postgres"))) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        (answer,) = cursor.fetchone()
        return answer
