"""A town whose tills trade while the pipeline's days go by."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import URL, Connection, Engine, event

from include.database import connect
from include.reconcile import violations
from tests import factories
from tests.day import run_day
from tests.interleavings.gates import label_of
from tests.rows import rows
from tests.traffic import tills
from tests.traffic.hours import Hours

FIRST_DAY = datetime(2020, 1, 1, 2, tzinfo=UTC)
CARDS = 320
QUARTER = CARDS // 4
QUARTERS = range(0, CARDS, QUARTER)
CHUNK_SIZE = 8
# Points live for a day, so that on every day a good part of the cards is due.
SETTINGS = {"points_expiration_days": 1, "warning_days": [0]}
# Every third day two runs work at once, as backfills do.
DAYS_BETWEEN_TWINS = 3
READ_DEEDS = """
    select
        (select count(*) from loyalty.expirations),
        (select count(*) from loyalty.expiration_warnings),
        (select count(*) from loyalty.expiration_skips where reason = 'came_back'),
        (select count(*) from loyalty.expiration_skips where reason = 'locked')
"""


@dataclass(frozen=True)
class Report:
    """What happened, in counts; the slowest sale is for people to look at, not for a test."""

    days: int
    sales: int
    sales_during_chunks: int
    sales_refused: int
    slowest_sale_seconds: float
    cards_passed_over: int
    cards_expired: int
    cards_warned: int
    cards_came_back: int
    cards_locked: int

    def __str__(self) -> str:
        return "\n".join(f"{value!s:>9.9} {name}" for name, value in vars(self).items())


def populated(url: URL) -> list[int]:
    """Enrol cards in two programs of one town; returns their ids, in order."""
    engine = connect(url.render_as_string(hide_password=False))
    with engine.begin() as connection:
        programs = [factories.program(connection, **SETTINGS) for _ in range(2)]
        activity = FIRST_DAY - timedelta(days=1)
        cards = [
            factories.card(connection, programs[number % 2], last_activity_at=activity)
            for number in range(CARDS)
        ]
    engine.dispose()
    return cards


class Town:
    """Tills that know a quarter of the cards each way, and the days that go by around them."""

    def __init__(self, url: URL, cards: list[int], seed: int) -> None:
        self.violations: list[str] = []
        self._engine = connect(url.render_as_string(hide_password=False))
        self._watch = Watch(self._engine)
        self._hours = Hours()
        self._days = 0
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        # Who locks pairs has them alone: with others, two tills could deadlock each other. Who
        # keeps a card long keeps nobody waiting but the last pass.
        shared, rising, falling, kept = (cards[start : start + QUARTER] for start in QUARTERS)
        sales = [
            (tills.sell_to_one, shared),
            (tills.sell_to_several, shared),
            (tills.sell_to_several, shared),
            (tills.sell_slowly, kept),
            (tills.sell_ledger_first, shared + rising + falling),
            (tills.sell_upwards, rising),
            (tills.sell_downwards, falling),
        ]
        self._tills = [
            tills.Till(
                dsn,
                self._hours,
                sale,
                known,
                seed=seed * 100 + number,
                is_chunk_under_way=lambda: self._watch.is_chunk_under_way,
            )
            for number, (sale, known) in enumerate(sales)
        ]

    @contextmanager
    def trading(self) -> Iterator[None]:
        """Man the tills; on leaving, everybody has gone home."""
        for till in self._tills:
            till.start()
        try:
            yield
        finally:
            self._hours.end()
            for till in self._tills:
                till.join(timeout=60)
            self._engine.dispose()

    def spend_day(self) -> None:
        """Run the next day's pipeline while the tills trade, and prove the books after it."""
        now = FIRST_DAY + timedelta(days=self._days)
        self._days += 1
        names = ["day", "backfill"] if self._days % DAYS_BETWEEN_TWINS == 0 else ["day"]
        with _environment(LOYALTY_NOW=now.isoformat(), LOYALTY_CHUNK_SIZE=str(CHUNK_SIZE)):
            with self._hours.open(now):
                runs = [threading.Thread(target=self._run, args=(now, name)) for name in names]
                for run in runs:
                    run.start()
                for run in runs:
                    run.join()
            self.violations += map(str, violations(self._engine, None))
        for till in self._tills:
            self.violations += till.tally.errors
            till.tally.errors.clear()

    def _run(self, now: datetime, name: str) -> None:
        try:
            run_day(self._engine, now, dag_run_id=f"{name} {now.date()}")
        except Exception as error:
            self.violations.append(f"{name} of {now.date()}: {error!r}")

    @property
    def report(self) -> Report:
        """Sum up the days so far."""
        tallies = [till.tally for till in self._tills]
        ((expired, warned, came_back, locked),) = rows(self._engine, READ_DEEDS)
        return Report(
            days=self._days,
            sales=sum(tally.sales for tally in tallies),
            sales_during_chunks=sum(tally.sales_during_chunks for tally in tallies),
            sales_refused=sum(tally.refused for tally in tallies),
            slowest_sale_seconds=max(tally.slowest_seconds for tally in tallies),
            cards_passed_over=self._watch.cards_passed_over,
            cards_expired=expired,
            cards_warned=warned,
            cards_came_back=came_back,
            cards_locked=locked,
        )


class Watch:
    """Notes whether a chunk holds cards, and how many cards were left to a last pass."""

    def __init__(self, engine: Engine) -> None:
        self.cards_passed_over = 0
        self._chunks: set[Connection] = set()
        event.listen(engine, "before_cursor_execute", self._on_statement)
        event.listen(engine, "commit", self._chunks.discard)
        event.listen(engine, "rollback", self._chunks.discard)

    @property
    def is_chunk_under_way(self) -> bool:
        """Tell whether some chunk has its cards locked in this moment."""
        return bool(self._chunks)

    def _on_statement(self, connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        label = label_of(statement)
        if label.startswith(("expire_points/01", "queue_warnings/01")):
            self._chunks.add(connection)
        elif label.startswith("lock_held_card/"):
            self.cards_passed_over += 1


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
