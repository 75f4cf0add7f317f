"""Measures a sender: mails a second, and memory, against a mail server that only counts.

    python -m tests.mail.measuring 10000 100000

Each number of mails is sent by a process of its own, whose peak of resident memory is told.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import socketserver
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from sqlalchemy import URL

from include.database import connect
from include.mail.sending import send_due
from include.mail.server import MailServer
from tests.conftest import new_database
from tests.faults.servers import fragile_server
from tests.mail.killing import FILL
from tests.mail.rows import NOW, STARTED_AT, run

_FORKED = multiprocessing.get_context("forkserver")
FILLED_AT_ONCE = 10_000


class _Sink(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.wfile.write(b"220 sink\r\n")
        for line in iter(self.rfile.readline, b""):
            if line.startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
            self.wfile.write(b"250 ok\r\n")


def _serve(control: Connection) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Sink) as server:
        server.daemon_threads = True
        control.send(server.server_address[1])
        server.serve_forever()


def _send(control: Connection, url: str, port: int) -> None:
    os.environ["LOYALTY_NOW"] = NOW
    started_at = time.perf_counter()
    figures = send_due(connect(url), MailServer("127.0.0.1", port), named_ids=None)
    seconds = time.perf_counter() - started_at
    processor = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    control.send((figures.sent, seconds, processor, peak))


@dataclass(frozen=True)
class MailPlace:
    """A server for databases full of mails, and the name of a migrated, empty one to copy."""

    url: URL
    template: str


@dataclass(frozen=True)
class Sent:
    """What a sender did: mails, seconds, its processor's seconds, its peak of memory in MB."""

    mails: int
    seconds: float
    processor: float
    peak_mb: float


@contextmanager
def sink() -> Iterator[int]:
    """Run a mail server that only counts; yields its port."""
    ours, theirs = _FORKED.Pipe()
    process = _FORKED.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    yield ours.recv()
    process.terminate()


def send(server: MailPlace, port: int, mails: int) -> Sent:
    """Let a process of its own send so many mails."""
    with new_database(server.url, server.template) as url:
        address = url.render_as_string(hide_password=False)
        engine = connect(address)
        for number in range(-(-mails // FILLED_AT_ONCE)):
            filled = min(FILLED_AT_ONCE, mails)
            run(engine, FILL, number=number, mails=filled, started_at=STARTED_AT)
        run(engine, "analyze")
        engine.dispose()
        ours, theirs = _FORKED.Pipe()
        sender = _FORKED.Process(target=_send, args=(theirs, address, port))
        sender.start()
        sent, seconds, processor, peak = ours.recv()
        sender.join()
    return Sent(sent, seconds, processor, peak / 1024)


def main() -> int:
    with sink() as port, fragile_server() as server:
        place = MailPlace(server.url, str(server.template.database))
        for mails in map(int, sys.argv[1:]):
            sent = send(place, port, mails)
            print(
                f"{sent.mails} mails: {sent.mails / sent.seconds:.0f} a second, "
                f"{1e6 * sent.processor / sent.mails:.0f} microseconds of our processor each, "
                f"peak {sent.peak_mb:.0f} MB",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    # By its import path, so that the processes find the functions.
    from tests.mail.measuring import main as imported_main

    sys.exit(imported_main())
