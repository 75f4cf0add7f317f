"""A task whose machine stands still, is overtaken by its retry, and then wakes up."""

from __future__ import annotations

import pytest

from include.reconcile import violations
from tests.faults.disturbances import made_good_the_next_day, overtaken
from tests.faults.points import Stop
from tests.faults.shop import Shop, Twin


def between_chunks(twin: Twin, stage: str) -> Stop:
    """Return the stop before the transaction of a stage's second chunk begins."""
    first = next(n for n, label in enumerate(twin.passed) if label.startswith(stage))
    second = twin.passed.index("lock_chunk/01_lock_cards", first)
    limits = [n for n, label in enumerate(twin.passed[:second], 1) if label == LIMITS]
    return Stop(limits[-1])


LIMITS = "limit_session/01_set_limits"


@pytest.mark.parametrize("stage", ["queue_warnings", "expire_points"])
def test_task_frozen_between_two_chunks_does_nothing_twice(twin: Twin, shop: Shop, stage: str):
    assert overtaken(shop, twin, between_chunks(twin, stage)) == []


@pytest.mark.parametrize(
    "label",
    [
        "queue_warnings/01_queue_mails",  # cards locked, nothing decided
        "commit of queue_warnings/03_record_skips",
        "expire_points/01_post_expirations",
        "commit of expire_points/04_record_skips",
    ],
)
def test_task_frozen_with_locked_cards_neither_stops_the_others_nor_acts_late(
    twin: Twin, shop: Shop, label: str
):
    overtaken(shop, twin, Stop(1, label))
    # Where the retry gave the cards up as locked, they are the next day's.
    assert violations(shop.engine, None) == []
    assert made_good_the_next_day(shop, twin) == []
