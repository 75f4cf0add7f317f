"""How far a long task has come: rate, share done and time left, told at a pace one can read."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

TOLD_EVERY_SECONDS = 10.0
# Of a task's time a tenth at most goes into counting what is left.
COUNTING_SHARE = 0.1


@dataclass(frozen=True)
class Standing:
    """Where a task stands: how many it did itself, its rate, and what is left for all at it.

    `share` is from 0 to 1; `seconds_left` is None where no end is in sight.
    """

    done: int
    per_second: float
    share: float
    seconds_left: float | None


Tell = Callable[[Standing], None]


class Progress:
    """Counts what a task does; several connections of one task may share it."""

    def __init__(
        self, count_left: Callable[[], int], tell: Tell, *, clock: Callable[[], float]
    ) -> None:
        """Begin now; `count_left` is asked at once, and whenever something is told."""
        self._count_left = count_left
        self._tell = tell
        self._clock = clock
        self._lock = threading.Lock()
        self._done = 0
        began_to_count_at = clock()
        self._left_at_first = count_left()
        self._began_at = self._told_at = clock()
        self._pause = _pause(self._began_at - began_to_count_at)

    def add(self, done: int) -> None:
        """Note that so many more are done; tell it every ten seconds, or as counting permits."""
        with self._lock:
            self._done += done
            now = self._clock()
            if now - self._told_at < self._pause:
                return
            self._told_at = now
        standing = self._standing(now)
        self._pause = _pause(self._clock() - now)
        self._tell(standing)

    def end(self) -> None:
        """Tell how it ended, unless there was nothing to do."""
        if self._done:
            self._tell(self._standing(self._clock()))

    def _standing(self, now: float) -> Standing:
        left = self._count_left()
        # Other workers may be at the same, and new work may come: whichever was quicker counts.
        done_by_all = max(self._done, self._left_at_first - left)
        # A clock that has not moved yet would make the rate endless.
        seconds = max(now - self._began_at, 0.001)
        return Standing(
            done=self._done,
            per_second=self._done / seconds,
            share=done_by_all / (done_by_all + left) if done_by_all + left else 1.0,
            seconds_left=_seconds_left(left, done_by_all / seconds),
        )


def _pause(seconds_counted: float) -> float:
    return max(TOLD_EVERY_SECONDS, seconds_counted / COUNTING_SHARE)


def tell_log(what: str, *, also: Tell | None = None) -> Tell:
    """Return what writes each standing of the task into its log, and hands it on."""

    def tell(standing: Standing) -> None:
        log.info("%s: %s", what, describe(standing))
        if also:
            also(standing)

    return tell


def describe(standing: Standing) -> str:
    """Return the standing in words."""
    left = standing.seconds_left
    return (
        f"{standing.done:,} done, {standing.per_second:,.0f} a second, "
        f"{int(100 * standing.share)} % of all, "
        + ("no end in sight" if left is None else f"{_duration(left)} left")
    )


def _seconds_left(left: int, per_second: float) -> float | None:
    if left == 0:
        return 0.0
    return left / per_second if per_second > 0 else None


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
