"""The replay of one fixed day, built once: most claims are about all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from include.replay.replay import Replay, build
from tests.replay.books import CUSTOMERS


@pytest.fixture(scope="session")
def replay() -> Replay:
    return build(date(2026, 11, 20))


@pytest.fixture(scope="session")
def few(replay: Replay) -> Replay:
    """The same replay with its first customers only."""
    cards = replay.cards[replay.cards["customer_id"] <= CUSTOMERS]
    return replace(
        replay,
        customers=replay.customers[replay.customers["id"] <= CUSTOMERS],
        cards=cards,
        events=replay.events[replay.events["card_id"].isin(cards["id"])],
    )
