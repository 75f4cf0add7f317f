"""Laws that hold for every history: what must not make a difference makes none."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from tests.databases import Databases
from tests.model import dice
from tests.model.comparing import BOOKED, CARDS, EXPIRIES, WARNINGS
from tests.model.histories import play
from tests.model.shop import Shop
from tests.rows import rows

DAY = timedelta(days=1)
MISSED = 6
Ending = Callable[[Shop], None]


@contextmanager
def replayed(databases: Databases, seed: int) -> Iterator[Shop]:
    """The same history on a database of its own, and then some days without a run."""
    with databases.lent() as engine:
        shop = play(engine, seed, histories=8, steps=4)
        draw = random.Random(seed)
        for _ in range(MISSED):
            shop.now += DAY
            for member in shop.members:
                dice.at_the_till(draw, shop, member, *next(iter(member.cards.items())))
        yield shop


def books(shop: Shop) -> dict[str, list]:
    """Cards, what was booked, expired and mailed; the order of ids apart."""
    statements = {"cards": CARDS, "booked": BOOKED, "expiries": EXPIRIES, "warnings": WARNINGS}
    return {name: sorted(rows(shop.engine, sql), key=str) for name, sql in statements.items()}


def ended(databases: Databases, seed: int, ending: Ending) -> dict[str, list]:
    with replayed(databases, seed) as shop:
        ending(shop)
        shop.post({})
        return books(shop)


def making_up(order: list[int]) -> Ending:
    def ending(shop: Shop) -> None:
        for back in order:
            shop.run(shop.now - back * DAY)

    return ending


@pytest.mark.parametrize("seed", [1, 2])
def test_missed_days_end_the_same_in_any_order_and_by_the_last_alone(databases, seed):
    forwards = list(reversed(range(MISSED)))
    shuffled = random.Random(seed).sample(forwards, k=MISSED)
    endings = [ended(databases, seed, making_up(order)) for order in (
        forwards, list(range(MISSED)), shuffled, [0],
    )]  # fmt: skip
    assert endings[0]["booked"], "nothing happened at all"
    assert endings.count(endings[0]) == len(endings)


@pytest.mark.parametrize("seed", [4])
def test_size_of_a_chunk_makes_no_difference(databases, seed, monkeypatch):
    endings = []
    for size in ("1", "10000"):
        monkeypatch.setenv("LOYALTY_CHUNK_SIZE", size)
        endings.append(ended(databases, seed, making_up([0])))
    assert endings[0] == endings[1]


@pytest.mark.parametrize("seed", [6])
def test_unrelated_merchant_makes_no_difference(databases, seed):
    def joined(shop: Shop) -> None:
        member = shop.enrol(dice.program(random.Random(seed)), cards=2)
        for card_id, card in member.cards.items():
            shop.book(card_id, card, "points_earned", 40, shop.now - 60 * DAY)
        shop.run(shop.now)
        shop.members.remove(member)

    with_others = ended(databases, seed, joined)
    alone = ended(databases, seed, making_up([0]))
    mine = {row[0] for row in alone["cards"]}
    of_mine = {
        name: [row for row in found if row[0] in mine] for name, found in with_others.items()
    }
    assert of_mine == alone
    assert len(with_others["cards"]) == len(alone["cards"]) + 2
