"""A database server of the tests' own, which they may bring down as they like."""

from __future__ import annotations

import os
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
from tests.conftest import new_database
from tests.faults.task import PATIENCE_SECONDS


@dataclass(frozen=True)
class FragileServer:
    """A server that survives being stopped in `immediate` mode, as by a power cut."""

    home: Path
    data: Path
    url: URL
    template: URL

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
def fragile_server(*, durable: bool) -> Iterator[FragileServer]:
    """Start a server with a migrated template database; durable ones write through to disk."""
    home = Path(tempfile.mkdtemp(prefix="loyalty-faults-"))
    home.chmod(0o755)
    try:
        server = postgres.start(home / "postgres", durable=durable)
        url = make_url(server.url("postgres"))
        with new_database(url) as template:
            engine = create_engine(template, poolclass=NullPool)
            migrate(engine)
            engine.dispose()
            yield FragileServer(home / "postgres", server.data_dir, url, template)
    finally:
        postgres.remove(home / "postgres")
        for entry in (home / "postgres").iterdir():
            entry.unlink()
        (home / "postgres").rmdir()
        home.rmdir()
