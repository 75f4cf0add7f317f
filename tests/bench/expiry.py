"""What the expiry of a catch-up costs: the pipeline, the old way, and the floor under both."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from unittest.mock import patch

from sqlalchemy import Engine

from include import cohorts, runs
from tests.bench.baselines import floor, orm_loop
from tests.bench.figures import Figure, measure, ratio
from tests.bench.place import AS_OF, Place, Size


@dataclass(frozen=True)
class Contest:
    """Ways to expire the same cards, each measured on a fresh copy of the same platform."""

    place: Place
    platform: str
    rows: dict[str, io.BytesIO]

    def ways(self) -> dict[str, Callable[[], float]]:
        """Return each way by its name; a call measures it once, in seconds."""
        return {
            "floor": partial(self._seconds, partial(floor.write, rows=self.rows)),
            "one connection": partial(self._seconds, partial(expire, connections=1)),
            "two connections": partial(self._seconds, partial(expire, connections=2)),
            "ORM loop": partial(self._seconds, orm_loop.expire),
        }

    def _seconds(self, work: Callable[[Engine, int], None]) -> float:
        with self.place.copy(self.platform) as engine:
            run_id = open_run(engine)
            started = time.perf_counter()
            work(engine, run_id)
            return time.perf_counter() - started


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Let one card in twenty expire in every way."""
    contest = prepare(place, place.filled(Size(cards, cards // 20, cards // 500)))
    samples = measure(contest.ways(), rounds)
    title = f"expiring {cards // 20:,} of {cards:,} cards"
    told = "seconds, all that an expiry writes"
    return [
        ratio(f"{title} ÷ floor", samples, "one connection", "floor", target=1.3, note=told),
        ratio(f"ORM loop ÷ {title}", samples, "ORM loop", "one connection", target=8, sense=">="),
        ratio(
            f"ORM loop ÷ {title}, two connections",
            samples,
            "ORM loop",
            "two connections",
            target=11,
            sense=">=",
        ),
    ]


def prepare(place: Place, platform: str) -> Contest:
    """Let the pipeline expire the platform's cards once, and keep what it wrote for the floor."""
    with place.copy(platform) as engine:
        expire(engine, open_run(engine), connections=1)
        return Contest(place, platform, floor.read(engine))


def open_run(engine: Engine, name: str = "day") -> int:
    """Open a run of the platform's day; a name that was opened before is continued."""
    return runs.open_run(engine, runs.RunRequest("bench", name, AS_OF))


def expire(engine: Engine, run_id: int, *, connections: int) -> None:
    """Let the pipeline select and expire what is due."""
    with patch.dict(os.environ, {"LOYALTY_CHUNK_CONNECTIONS": str(connections)}):
        cohorts.select_cohort(engine, run_id, "expiry")
        cohorts.carry_out(engine, run_id, "expiry")
