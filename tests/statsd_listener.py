"""A StatsD listener on loopback: what a real client sends to it, by name."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager

PREFIX = "airflow.loyalty."


class Listener:
    """Keeps what it heard; a sum where a counter (`c`) came, the last value of a gauge (`g`)."""

    def __init__(self, receiver: socket.socket) -> None:
        self._receiver = receiver
        self._heard: dict[str, float] = {}

    @property
    def settings(self) -> dict[str, str]:
        """The environment that makes an Airflow process send to it."""
        return {
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(self._receiver.getsockname()[1]),
        }

    def heard(self) -> dict[str, float]:
        """Return what has come of ours, without the prefix. What was sent on loopback is there."""
        while select.select([self._receiver], [], [], 0)[0]:
            for line in self._receiver.recv(65536).decode().splitlines():
                name, _, rest = line.partition(":")
                value, kind = rest.split("|")[:2]
                if name.startswith(PREFIX):
                    known = self._heard.get(name.removeprefix(PREFIX), 0.0) if kind == "c" else 0.0
                    self._heard[name.removeprefix(PREFIX)] = known + float(value)
        return self._heard


@contextmanager
def statsd_listener() -> Iterator[Listener]:
    """Listen on a free port for as long as the block takes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        receiver.bind(("127.0.0.1", 0))
        yield Listener(receiver)
