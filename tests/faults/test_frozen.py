"""A task whose machine stands still, is overtaken by its retry, and then wakes up."""

from __future__ import annotations

import pytest

from include.reconcile import violations
from tests.faults.books import LASTING
from tests.faults.points import Stop
from tests.faults.shop import NEXT_DAY, Shop, Twin


def between_chunks(twin: Twin, stage: str) -> Stop:
    """Return the stop before the transaction of a stage's second chunk begins."""
    first = next(n for n, label in enumerate(twin.passed) if label.startswith(stage))
    second = twin.passed.index("lock_chunk/01_lock_cards", first)
    limits = [n for n, label in enumerate(twin.passed[:second], 1) if label == LIMITS]
    return Stop(limits[-1])


LIMITS = "limit_session/01_set_limits"


def overtaken(shop: Shop, stop: Stop) -> None:
    """Freeze the day at a stop, let its retry run to the end, then wake the frozen task."""
    with shop.task(shop.day(), stop) as task:
        task.reached()
        task.freeze()
        task.go_on()
        shop.run_until_done(shop.day())
        task.wake()
        # It may find nothing left to do, or that its session is gone: both are fine.
        task.ended()
    shop.wait_until_alone()


@pytest.mark.parametrize("stage", ["queue_warnings", "expire_points"])
def test_task_frozen_between_two_chunks_does_nothing_twice(twin: Twin, shop: Shop, stage: str):
    overtaken(shop, between_chunks(twin, stage))
    assert shop.faults(twin.books) == []


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
    overtaken(shop, Stop(1, label))
    assert violations(shop.engine, None) == []
    later = shop.at(NEXT_DAY)
    later.run(later.day("next day"))
    assert later.faults(twin.books_next_day, *LASTING) == []
