"""Plays random histories, many at a time on one database, and compares after every step."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from tests.model import dice
from tests.model.comparing import differences
from tests.model.shop import Shop

# The clock may not be later than the database's, and the zones' rules of these years are settled.
FIRST = datetime(2021, 1, 1, tzinfo=UTC)
STATEMENTS_MAX = 120


def play(engine: Engine, seed: int, *, histories: int = 20, steps: int = 12) -> Shop:
    """Play `histories` members for some steps.

    Raises:
        AssertionError: the database differs from the model; names seed and step.
    """
    draw = random.Random(seed)
    shop = Shop(engine, FIRST + timedelta(seconds=draw.randrange(3 * 365 * 86400)))
    for _ in range(histories):
        shop.enrol(dice.program(draw), cards=draw.randint(1, 3))
    for step in range(steps):
        play_step(draw, shop)
        found = differences(shop)
        assert not found, f"seed {seed}, step {step} at {shop.now}:\n" + "\n".join(found[:8])
    return shop


def play_step(draw: random.Random, shop: Shop) -> None:
    """Let time pass, things happen, and mostly a run or the post follow."""
    shop.now = dice.later(draw, shop, at_the_edge=draw.random() < 0.5)
    shop.run_id, shop.has_just_run = None, False
    with shop.busy():
        for member in shop.members:
            for _ in range(draw.choice((0, 1, 1, 2))):
                dice.something(draw, shop, member)
    if draw.random() < 0.8:
        past = timedelta(days=draw.choice((0, 0, 0, 1, 3)))
        crash_at = draw.randrange(1, STATEMENTS_MAX) if draw.random() < 0.3 else None
        shop.run(shop.now - past, dry_run=draw.random() < 0.1, crash_at=crash_at)
    if draw.random() < 0.7:
        ids = [card_id for member in shop.members for card_id in member.cards]
        unlucky = draw.sample(ids, k=len(ids) // 3)
        shop.post({card_id: draw.choice(dice.OUTCOMES) for card_id in unlucky})
