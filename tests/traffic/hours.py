"""Opening hours: tills trade while the shops are open; the date changes while they are shut."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta


class Hours:
    """When tills may trade, and what time it is for them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_open = self._is_over = False
        self._trading = 0

    @contextmanager
    def trade(self) -> Iterator[datetime | None]:
        """Wait for the shops to open and keep them open; yields the time, None if it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_open or self._is_over)
            self._trading += 1
        try:
            yield None if self._is_over else self._now()
        finally:
            with self._changed:
                self._trading -= 1
                self._changed.notify_all()

    @contextmanager
    def open(self, date: datetime) -> Iterator[None]:
        """Open the shops at an instant; on leaving, shut them when the last customer has left."""
        self._date, self._opened = date, time.monotonic()
        self._set(is_open=True)
        try:
            yield
        finally:
            self._set(is_open=False)
            with self._changed:
                self._changed.wait_for(lambda: self._trading == 0)

    def end(self) -> None:
        """Send the tills home for good."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _set(self, *, is_open: bool) -> None:
        with self._changed:
            self._is_open = is_open
            self._changed.notify_all()

    def _now(self) -> datetime:
        return self._date + timedelta(seconds=time.monotonic() - self._opened)
