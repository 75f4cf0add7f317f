"""Keeps mails apart, where a mail server takes only so many a second."""

from __future__ import annotations

import threading
import time


class Pace:
    """A limit that the connections of one sender share; None limits nothing."""

    def __init__(self, per_second: float | None) -> None:
        self._per_second = per_second
        self._sharers = 1
        self._next_at = 0.0
        self._lock = threading.Lock()

    def share(self, sharers: int) -> None:
        """Keep to this sender's part, where so many senders are at work."""
        self._sharers = max(sharers, 1)

    def wait(self) -> None:
        """Wait until the next mail may go."""
        if self._per_second is None:
            return
        with self._lock:
            now = time.monotonic()
            starts_at = max(now, self._next_at)
            self._next_at = starts_at + self._sharers / self._per_second
        time.sleep(starts_at - now)
