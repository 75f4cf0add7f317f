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
from tests.databases import new_database
from tests.faults.servers import fragile_server
from tests.mail.killing import FILL
from tests.mail.rows import NOW, STARTED_AT, run

_FORKED = multiprocessing.get_context("forkserver")
FILLED_AT_ONCE = 10_000


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    seconds_per_mail = 0.0


class _Sink(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        self.wfile.write(b"220 sink\r\n")
        for line in iter(self.rfile.readline, b""):
            if line.startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                time.sleep(self.server.seconds_per_mail)
            self.wfile.write(b"250 ok\r\n")


def _serve(control: Connection, seconds_per_mail: float) -> None:
    with _Server(("127.0.0.1", 0), _Sink) as server:
        server.seconds_per_mail = seconds_per_mail
        control.send(server.server_address[1])
        server.serve_forever()


def _send(control: Connection, url: str, mail_server: MailServer) -> None:
    os.environ["LOYALTY_NOW"] = NOW
    started_at = time.perf_counter()
    figures = send_due(connect(url), mail_server, named_ids=None)
    ended_at = time.perf_counter()
    processor = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    control.send((figures.sent, started_at, ended_at, processor, peak))


@dataclass(frozen=True)
class MailPlace:
    """A server for databases full of mails, and the name of a migrated, empty one to copy."""

    url: URL
    template: str


@dataclass(frozen=True)
class Sent:
    """What senders did: mails, seconds, their processor's seconds, the largest one's peak in MB."""

    mails: int
    seconds: float
    processor: float
    peak_mb: float


@contextmanager
def sink(seconds_per_mail: float = 0.0) -> Iterator[int]:
    """Run a mail server that takes so long for a mail and forgets it; yields its port."""
    ours, theirs = _FORKED.Pipe()
    process = _FORKED.Process(target=_serve, args=(theirs, seconds_per_mail), daemon=True)
    process.start()
    theirs.close()
    yield ours.recv()
    process.terminate()


def send(
    server: MailPlace, port: int, mails: int, *, senders: int = 1, connections: int = 1
) -> Sent:
    """Let processes of their own send so many mails together, over so many connections each."""
    mail_server = MailServer("127.0.0.1", port, connections=connections)
    with new_database(server.url, server.template) as url:
        address = url.render_as_string(hide_password=False)
        engine = connect(address)
        for number in range(-(-mails // FILLED_AT_ONCE)):
            filled = min(FILLED_AT_ONCE, mails)
            run(engine, FILL, number=number, mails=filled, started_at=STARTED_AT)
        run(engine, "analyze")
        engine.dispose()
        pipes = [_FORKED.Pipe() for _ in range(senders)]
        processes = [
            _FORKED.Process(target=_send, args=(theirs, address, mail_server))
            for _, theirs in pipes
        ]
        for process, (_, theirs) in zip(processes, pipes, strict=True):
            process.start()
            # Or whoever waits for the word of a process that died would wait for ever.
            theirs.close()
        told = zip(*[ours.recv() for ours, _ in pipes], strict=True)
        sent, started_at, ended_at, processor, peak = map(tuple, told)
        for process in processes:
            process.join()
    return Sent(sum(sent), max(ended_at) - min(started_at), sum(processor), max(peak) / 1024)


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
