"""A database server of the tests' own, which they may bring down as they like."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, NullPool, create_engine, make_url

from include.embedded import postgres, postmaster
from include.migrations import migrate
from tests.conftest import in_memory
from tests.databases import new_database
from tests.faults.task import PATIENCE_SECONDS


@dataclass(frozen=True)
class FragileServer:
    """A server that survives being stopped in `immediate` mode, as by a power cut."""

    home: Path
    data: Path
    url: URL
    template: URL

    def checkpoint(self) -> None:
        """Write everything to the data files.

        A copied database needs this before a crash: its sequences pass for logged ahead by what
        was logged of their originals, so that recovery would hand out numbers a second time.
        """
        administration = create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with administration.connect() as connection:
            connection.exec_driver_sql("checkpoint")

    @contextmanager
    def crashed(self) -> Iterator[None]:
        """Crash the server, and start it again at the end."""
        self.crash()
        try:
            yield
        finally:
            self.restart()

    def crash(self) -> None:
        """Stop the server in the middle of everything; what was committed is in its log."""
        postmaster_id = postmaster.pid(self.data)
        assert postmaster_id is not None, "the server does not run"
        os.kill(postmaster_id, signal.SIGQUIT)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while postmaster.pid(self.data) is not None:
            assert time.monotonic() < deadline, "the server did not stop"
            time.sleep(0.01)

    def restart(self) -> None:
        """Start the server again; it recovers from its log first."""
        server = postgres.start(self.home)
        assert server.port == self.url.port, "the server came back at another address"


@contextmanager
def fragile_server() -> Iterator[FragileServer]:
    """Start a durable server with a migrated template database, in memory where there is room."""
    home = in_memory() or Path(tempfile.mkdtemp(prefix="loyalty-faults-"))
    home.chmod(0o755)
    try:
        server = postgres.start(home / "postgres")
        url = make_url(server.url("postgres"))
        with new_database(url) as template:
            engine = create_engine(template, poolclass=NullPool)
            migrate(engine)
            engine.dispose()
            yield FragileServer(home / "postgres", server.data_dir, url, template)
    finally:
        postgres.remove(home / "postgres")
        shutil.rmtree(home)
