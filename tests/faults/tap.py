"""What runs in a task's own process: its job, on connections that stop at the points given."""

from __future__ import annotations

import os
import smtplib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from psycopg2 import extensions
from sqlalchemy import Engine, event

from include.database import connect
from tests.faults.points import COPY, MAIL_ANSWER, Counter, Stop, label_of

Job = Callable[[Engine], Any]


@dataclass(frozen=True)
class Reached:
    """The task stands at a point and waits to be told to go on."""

    label: str


@dataclass(frozen=True)
class Ended:
    """The task came to its end: with a result, or with an error's name and text."""

    result: Any
    error: str | None
    passed: list[str]


def run(
    control: Connection, job: Job, url: str, variables: dict[str, str], stops: tuple[Stop, ...]
) -> None:
    """Run a job as the leader of a process group of its own, and tell how it ended."""
    os.setpgid(0, 0)
    _set_variables(variables)
    tap = _Tap(control, Counter(stops, []))
    error = result = None
    try:
        result = job(_tapped_engine(url, tap))
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
    control.send(Ended(result, error, tap.counter.passed))


def _set_variables(variables: dict[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("LOYALTY_")]:
        del os.environ[name]
    os.environ.update(variables)


def _tapped_engine(url: str, tap: _Tap) -> Engine:
    engine = connect(url)

    @event.listens_for(engine, "do_connect")
    def use_tapped_connections(dialect: Any, record: Any, args: Any, parameters: Any) -> None:
        parameters["connection_factory"] = tap.connection_class()

    tap.listen_to_mail()
    return engine


class _Tap:
    """Stands between the task and the two servers it talks to."""

    def __init__(self, control: Connection, counter: Counter) -> None:
        self.control = control
        self.counter = counter

    def reach(self, label: str, send: Callable[[], None] = lambda: None) -> None:
        """Stop here if that is asked for; `send` puts the statement on its way unanswered."""
        stop = self.counter.stop_at(label)
        if stop is None:
            return
        if stop.moment == "sent":
            send()
        self.control.send(Reached(label))
        self.control.recv()

    def connection_class(tap) -> type[extensions.connection]:
        class TappedCursor(extensions.cursor):
            def execute(self, query: Any, vars: Any = None) -> None:
                if (label := label_of(query)) is not None:
                    self.connection.last_label = label
                    tap.reach(label, lambda: _send(self.connection, self.mogrify(query, vars)))
                super().execute(query, vars)

            def copy_expert(self, *args: Any, **options: Any) -> None:
                tap.reach(COPY)
                super().copy_expert(*args, **options)

        class TappedConnection(extensions.connection):
            last_label = "nothing"

            def cursor(self, *args: Any, **options: Any) -> Any:
                return super().cursor(*args, **({"cursor_factory": TappedCursor} | options))

            def commit(self) -> None:
                tap.reach(f"commit of {self.last_label}", lambda: _send(self, b"commit"))
                super().commit()

        return TappedConnection

    def listen_to_mail(self) -> None:
        read_answer = smtplib.SMTP.getreply

        def getreply(smtp: smtplib.SMTP) -> tuple[int, bytes]:
            self.reach(MAIL_ANSWER)
            return read_answer(smtp)

        smtplib.SMTP.getreply = getreply  # type: ignore[method-assign]


def _send(connection: extensions.connection, query: bytes) -> None:
    """Put a statement on the wire as a simple query, past the driver, which would wait."""
    assert not connection.info.ssl_in_use, "the tests' own server speaks no TLS"
    if connection.status == extensions.STATUS_READY and not connection.autocommit:
        query = b"begin;" + query
    frame = b"Q" + struct.pack("!i", len(query) + 5) + query + b"\0"
    assert os.write(connection.fileno(), frame) == len(frame)
