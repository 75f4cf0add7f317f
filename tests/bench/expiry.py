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

ONE, TWO = "one connection", "two connections"


@dataclass(frozen=True)
class Contest:
    """Ways to expire the same cards, each measured on a fresh copy of the same platform."""

    place: Place
    platform: str
    rows: dict[str, io.BytesIO]

    def way(self, work: Callable[[Engine, int], None]) -> Callable[[], float]:
        """Return what does the work once on a fresh copy, and tells its seconds."""
        return partial(self._seconds, work)

    def _seconds(self, work: Callable[[Engine, int], None]) -> float:
        with self.place.copy(self.platform) as engine:
            run_id = open_run(engine)
            started = time.perf_counter()
            work(engine, run_id)
            return time.perf_counter() - started


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Let one card in twenty expire in every way."""
    contest = prepare(place, place.filled(Size(cards, cards // 20, cards // 500)))
    one = contest.way(partial(expire, connections=1))
    two = contest.way(partial(expire, connections=2))
    before = contest.way(orm_loop.expire)
    copied = contest.way(partial(floor.write, rows=contest.rows))
    # These two take seconds, and the loop a minute: the close race is run more often.
    close = measure({"floor": copied, ONE: one}, 2 * rounds + 1)
    samples = measure({ONE: one, TWO: two, "ORM loop": before}, rounds)
    title = f"expiring {cards // 20:,} of {cards:,} cards"
    told = "seconds, all that an expiry writes"
    return [
        ratio(f"{title} ÷ floor", close, ONE, "floor", target=1.3, note=told),
        ratio(f"ORM loop ÷ {title}", samples, "ORM loop", ONE, target=8, sense=">="),
        ratio(f"ORM loop ÷ {title}, {TWO}", samples, "ORM loop", TWO, target=11, sense=">="),
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
    """Let the pipeline select and expire what is due, all of it."""
    with patch.dict(os.environ, {"LOYALTY_CHUNK_CONNECTIONS": str(connections)}):
        plan, deeds = select_and_carry_out(engine, run_id)
    if not plan.cards_planned == deeds.cards_done > 0:
        raise AssertionError(f"{deeds.cards_done} of {plan.cards_planned} cards expired.")


def select_and_carry_out(engine: Engine, run_id: int) -> tuple[cohorts.Plan, cohorts.Deeds]:
    """The same, set up as the process is; a card that a till moves in between stays."""
    plan = cohorts.select_cohort(engine, run_id, "expiry")
    return plan, cohorts.carry_out(engine, run_id, "expiry")
