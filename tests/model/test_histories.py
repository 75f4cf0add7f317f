"""Random histories on a real database equal the reference model's, step by step."""

from __future__ import annotations

import pytest

from tests.model.histories import play

SEEDS = range(6)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setenv("LOYALTY_CHUNK_SIZE", "5")
    monkeypatch.setenv("LOYALTY_NOW", "2021-01-01T00:00:00+00:00")


@pytest.mark.parametrize("seed", SEEDS)
def test_histories_end_as_the_model_says(engine, seed):
    shop = play(engine, seed)
    assert sum(len(card.expiries) for member in shop.members for card in member.cards.values())
