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
from multiprocessing.connection import Connection

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


def main() -> int:
    ours, theirs = _FORKED.Pipe()
    sink = _FORKED.Process(target=_serve, args=(theirs,), daemon=True)
    sink.start()
    port = ours.recv()
    with fragile_server() as server:
        for mails in map(int, sys.argv[1:]):
            with new_database(server.url, server.template.database) as url:
                address = url.render_as_string(hide_password=False)
                engine = connect(address)
                for number in range(-(-mails // FILLED_AT_ONCE)):
                    run(
                        engine,
                        FILL,
                        number=number,
                        mails=min(FILLED_AT_ONCE, mails),
                        started_at=STARTED_AT,
                    )
                run(engine, "analyze")
                engine.dispose()
                sender = _FORKED.Process(target=_send, args=(theirs, address, port))
                sender.start()
                sent, seconds, processor, peak = ours.recv()
                sender.join()
            print(
                f"{sent} mails: {sent / seconds:.0f} a second, {1e6 * processor / sent:.0f} "
                f"microseconds of our processor each, peak {peak / 1024:.0f} MB",
                flush=True,
            )
    sink.terminate()
    return 0


if __name__ == "__main__":
    # By its import path, so that the processes find the functions.
    from tests.mail.measuring import main as imported_main

    sys.exit(imported_main())
