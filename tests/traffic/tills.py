"""Tills of the live application: they earn and redeem on the cards that the pipeline works on.

Each sale is one transaction: ledger row, balance and activity. No two tills can deadlock each
other, so that whoever sees a deadlock owes it to the pipeline.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

import psycopg2
from psycopg2.extensions import connection as Session
from psycopg2.extensions import cursor as Cursor

from tests.traffic.hours import Hours

SALES_PER_SECOND = 20

MOVE_CARD = """
    update loyalty.loyalty_cards
    set points_balance = points_balance + %(points)s,
        total_points_earned = total_points_earned + greatest(%(points)s, 0),
        total_points_redeemed = total_points_redeemed - least(%(points)s, 0),
        last_activity_at = greatest(last_activity_at, %(at)s)
    where id = %(card)s and points_balance + %(points)s >= 0
    returning points_balance, stamp_count
"""
INSERT_ROW = """
    insert into loyalty.loyalty_transactions (card_id, merchant_id, transaction_type, points_delta,
        points_balance_after, stamps_balance_after, transaction_at)
    select id, merchant_id, %(type)s, %(points)s, %(balance)s, %(stamps)s, %(at)s
    from loyalty.loyalty_cards where id = %(card)s
    returning id
"""
COMPLETE_ROW = """
    update loyalty.loyalty_transactions
    set points_balance_after = %(balance)s, stamps_balance_after = %(stamps)s
    where id = %(row)s
"""
# The worst moment for a customer to come: the card is planned, and nothing is decided yet.
PICK_PLANNED = """
    select card_id from loyalty.undecided_members
    where card_id = any(%(cards)s) and kind <> 'reinstatement' order by random() limit 1
"""

Sale = Callable[["Till", Cursor, int, datetime], None]


@dataclass
class Tally:
    """What a till did and saw."""

    sales: int = 0
    sales_during_chunks: int = 0
    refused: int = 0
    slowest_seconds: float = 0.0
    errors: list[str] = field(default_factory=list)


class Till(threading.Thread):
    """One till: a customer after the other, each with one of the cards it knows."""

    def __init__(
        self,
        dsn: str,
        hours: Hours,
        sale: Sale,
        cards: Sequence[int],
        *,
        seed: int,
        is_chunk_under_way: Callable[[], bool],
    ) -> None:
        super().__init__(name=f"till {sale.__name__} {seed}", daemon=True)
        self.tally = Tally()
        self.cards = cards
        self.draw = random.Random(seed)
        self._dsn, self._hours, self._sale = dsn, hours, sale
        self._is_chunk_under_way = is_chunk_under_way

    def run(self) -> None:
        try:
            with closing(psycopg2.connect(self._dsn, application_name="till")) as session:
                while self._serve(session):
                    time.sleep(self.draw.expovariate(SALES_PER_SECOND))
        except Exception as error:  # Whatever it is: a till that gave up is a violation.
            self._complain(error)

    def think(self, least: float = 0, most: float = 0.004) -> None:
        """Hold what is locked for some seconds, as an application does between statements."""
        seconds = self.draw.uniform(least, most)
        self._thought_seconds += seconds
        time.sleep(seconds)

    def _serve(self, session: Session) -> bool:
        with self._hours.trade() as now:
            if now is None:
                return False
            card = self._next_card(session)
            began, self._thought_seconds = time.monotonic(), 0.0
            try:
                with session, session.cursor() as cursor:
                    self._sale(self, cursor, card, now)
                self.tally.sales += 1
                self.tally.sales_during_chunks += self._is_chunk_under_way()
            except psycopg2.Error as error:
                self._complain(error)
            taken = time.monotonic() - began - self._thought_seconds
            self.tally.slowest_seconds = max(self.tally.slowest_seconds, taken)
        return True

    def _complain(self, error: Exception) -> None:
        self.tally.errors.append(f"{self.name}: {' '.join(repr(error).split())}")

    def _next_card(self, session: Session) -> int:
        if self.draw.random() < 0.5:
            with session, session.cursor() as cursor:
                cursor.execute(PICK_PLANNED, {"cards": list(self.cards)})
                if row := cursor.fetchone():
                    return int(row[0])
        return self.draw.choice(self.cards)


def sell_to_one(till: Till, cursor: Cursor, card: int, now: datetime) -> None:
    """Earn or redeem on one card."""
    _sell(till, cursor, card, now)


def sell_to_several(till: Till, cursor: Cursor, card: int, now: datetime) -> None:
    """Earn or redeem on up to three cards, locked in id order."""
    for each in sorted({card, *till.draw.sample(till.cards, 2)}):
        _sell(till, cursor, each, now)


def sell_upwards(till: Till, cursor: Cursor, card: int, now: datetime) -> None:
    """Earn or redeem on both cards of a pair, the lower one first."""
    for each in _pair(till, card):
        _sell(till, cursor, each, now)


def sell_downwards(till: Till, cursor: Cursor, card: int, now: datetime) -> None:
    """Earn or redeem on both cards of a pair, the higher one first.

    Only one till does so, and no other one locks two of its cards.
    """
    for each in reversed(_pair(till, card)):
        _sell(till, cursor, each, now)


def sell_slowly(till: Till, cursor: Cursor, card: int, now: datetime) -> None:
    """Keep one card for longer than a chunk takes, so that the last pass has to wait for it."""
    _sell(till, cursor, card, now)
    till.think(0.05, 0.3)


def sell_ledger_first(till: Till, cursor: Cursor, card: int, now: datetime) -> None:
    """Earn on one card: the ledger row first, then the card, then the row's running balance."""
    binds = {"card": card, "points": 5, "at": now, "type": "points_earned"}
    cursor.execute(INSERT_ROW, binds | {"balance": 0, "stamps": 0})
    (row,) = cursor.fetchone()
    till.think()
    cursor.execute(MOVE_CARD, binds)
    balance, stamps = cursor.fetchone()
    cursor.execute(COMPLETE_ROW, {"row": row, "balance": balance, "stamps": stamps})


def _pair(till: Till, card: int) -> Sequence[int]:
    first = till.cards.index(card) // 2 * 2
    return till.cards[first : first + 2]


def _sell(till: Till, cursor: Cursor, card: int, now: datetime) -> None:
    points = till.draw.choice((1, 5, 20, -3, -10))
    kind = "points_earned" if points > 0 else "points_redeemed"
    binds = {"card": card, "points": points, "at": now, "type": kind}
    cursor.execute(MOVE_CARD, binds)
    if moved := cursor.fetchone():
        till.think()
        cursor.execute(INSERT_ROW, binds | {"balance": moved[0], "stamps": moved[1]})
    else:
        till.tally.refused += 1
