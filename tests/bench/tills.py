"""What the tills feel while points expire: latencies, errors, and whether the books are right."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from multiprocessing.connection import Connection
from statistics import quantiles

import psycopg2
from sqlalchemy import Engine

from include.database import statements
from tests.bench.expiry import open_run, select_and_carry_out
from tests.bench.figures import Figure, ratio, single, worst
from tests.bench.place import AS_OF, Place, Size

SALES_PER_SECOND = 200
TILLS = 16
IDLE_SECONDS = 10
_PROCESSES = multiprocessing.get_context("spawn")


@dataclass
class Sales:
    """Latencies of the tills' sales in milliseconds, counted from when each was due."""

    milliseconds: list[float] = field(default_factory=list)
    errors: int = 0
    under_way: int = 0

    def percentile(self, per_mille: int) -> float:
        """Return the latency that so many of a thousand sales did not exceed."""
        return quantiles(self.milliseconds, n=1000, method="inclusive")[per_mille - 1]


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Let a large cohort expire while tills trade on all cards, the due ones included."""
    due = min(150_000, cards // 2)
    platform = place.filled(Size(cards, due))
    slowest, wrong, errors = [], [], []
    slow: dict[str, list[float]] = {"idle": [], "while cards expire": []}
    for _ in range(rounds):
        with place.copy(platform) as engine, trading(engine, cards) as tills:
            # The first sales meet pages that nobody has read since the server started.
            tills.spend(IDLE_SECONDS)
            idle = tills.spend(IDLE_SECONDS)
            run_id = open_run(engine)
            busy = tills.during(partial(select_and_carry_out, engine, run_id))
            slowest.append(busy.percentile(999))
            for sales, each in zip((idle, busy), slow.values(), strict=True):
                each.append(sales.percentile(990))
            wrong.append(_wrong_balances(engine))
            errors.append(idle.errors + busy.errors)
    title = f"tills, {SALES_PER_SECOND} sales/s, {due:,} cards expire"
    return [
        single(f"{title}: 99.9th percentile", slowest, "ms", target=150),
        ratio(f"{title}: 99th percentile ÷ idle", slow, "while cards expire", "idle", target=3),
        worst(f"{title}: wrong balances", wrong),
        worst(f"{title}: errors", errors),
    ]


@dataclass(frozen=True)
class Tills:
    """Tills in a process of their own, which tells what they sold in a stretch of time."""

    control: Connection

    def spend(self, seconds: float) -> Sales:
        """Let the tills sell for a while."""
        return self.during(partial(time.sleep, seconds))

    def during(self, work: Callable[[], object]) -> Sales:
        """Return what was sold while `work` was done."""
        self.control.send("note")
        work()
        self.control.send("tell")
        sold: Sales = self.control.recv()
        return sold


@contextmanager
def trading(engine: Engine, cards: int) -> Iterator[Tills]:
    """Open the shops; they close at the end."""
    ours, theirs = _PROCESSES.Pipe()
    uri = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    shops = _PROCESSES.Process(target=_trade, args=(theirs, uri, cards), daemon=True)
    shops.start()
    try:
        ours.recv()
        yield Tills(ours)
    finally:
        ours.send("close")
        shops.join()


def _wrong_balances(engine: Engine) -> int:
    (check,) = [text for text in statements("checks") if "sum of its ledger" in text]
    with engine.connect() as connection:
        return len(connection.exec_driver_sql(check, {"run_id": None}).all())


def _trade(control: Connection, uri: str, cards: int) -> None:
    desk = _Desk(uri, cards)
    threads = [threading.Thread(target=desk.work, args=(seed,)) for seed in range(TILLS)]
    for thread in threads:
        thread.start()
    control.send("open")
    while (order := control.recv()) != "close":
        sales, desk.sales = desk.sales, Sales()
        if order == "tell":
            # The slowest ones come last.
            while sales.under_way:
                time.sleep(0.001)
            # A till that gave up sells nothing any more, and says so nowhere else.
            sales.errors += sum(not thread.is_alive() for thread in threads)
            control.send(sales)
    desk.is_open = False
    for thread in threads:
        thread.join()


class _Desk:
    """Hands the next sale, at a steady pace, to whichever till is free."""

    def __init__(self, uri: str, cards: int) -> None:
        self.uri, self.cards, self.is_open = uri, cards, True
        self.sales = Sales()
        self._lock, self._next_at = threading.Lock(), time.perf_counter()

    def work(self, seed: int) -> None:
        draw = random.Random(seed)
        with closing(psycopg2.connect(self.uri)) as connection:
            while self.is_open:
                due_at = self._take_turn()
                time.sleep(max(0.0, due_at - time.perf_counter()))
                with self._sale(due_at):
                    _sell(connection, draw.randint(1, self.cards), AS_OF)

    @contextmanager
    def _sale(self, due_at: float) -> Iterator[None]:
        """Note how a sale fares, in the stretch of time in which it begins."""
        with self._lock:
            sales = self.sales
            sales.under_way += 1
        try:
            yield
        except psycopg2.Error:
            # What had been written went with the transaction, or with its session.
            sales.errors += 1
        finally:
            sales.milliseconds.append(1000 * (time.perf_counter() - due_at))
            with self._lock:
                sales.under_way -= 1

    def _take_turn(self) -> float:
        with self._lock:
            self._next_at += 1 / SALES_PER_SECOND
            return self._next_at


def _sell(connection: psycopg2.extensions.connection, card_id: int, at: datetime) -> None:
    """Earn ten points, the way the application promises: ledger, balance and activity at once."""
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "select points_balance, merchant_id from loyalty.loyalty_cards where id = %s "
            "for update",
            (card_id,),
        )
        balance, merchant_id = cursor.fetchone()
        cursor.execute(
            "insert into loyalty.loyalty_transactions (card_id, merchant_id, transaction_type, "
            "points_delta, points_balance_after, transaction_at) "
            "values (%s, %s, 'points_earned', 10, %s, %s)",
            (card_id, merchant_id, balance + 10, at),
        )
        cursor.execute(
            "update loyalty.loyalty_cards set points_balance = points_balance + 10, "
            "total_points_earned = total_points_earned + 10, "
            "last_activity_at = greatest(last_activity_at, %s) where id = %s",
            (at, card_id),
        )
