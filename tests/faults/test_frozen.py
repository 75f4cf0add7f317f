"""A task whose machine stands still, is overtaken by its retry, and then wakes up."""

from __future__ import annotations

import pytest

from include.database import Limits
from include.reconcile import violations
from tests.faults.disturbances import LOST, made_good_the_next_day, overtaken
from tests.faults.points import Stop
from tests.faults.shop import Shop, Twin
from tests.rows import rows


def between_chunks(twin: Twin, stage: str) -> Stop:
    """Return the stop before the transaction of a stage's second chunk begins."""
    first = next(n for n, label in enumerate(twin.passed) if label.startswith(stage))
    second = twin.passed.index("lock_chunk/01_lock_cards", first)
    limits = [n for n, label in enumerate(twin.passed[:second], 1) if label == LIMITS]
    return Stop(limits[-1])


LIMITS = "limit_session/01_set_limits"


IMPATIENT = Limits(lock_timeout="100ms")


@pytest.mark.parametrize("stage", ["queue_warnings", "expire_points"])
def test_task_frozen_between_two_chunks_does_nothing_twice(
    twin: Twin, shop: Shop, stage: str
) -> None:
    assert overtaken(shop, twin, between_chunks(twin, stage)) is None
    assert shop.faults(twin.books) == []


@pytest.mark.parametrize(
    "label",
    [
        "reinstate_points/01_post_reinstatements",  # cards locked, nothing decided
        "queue_warnings/01_queue_mails",
        "commit of queue_warnings/02_stamp_cards",
        "expire_points/01_post_expirations",
        "commit of expire_points/01_post_expirations",
    ],
)
def test_task_frozen_with_locked_cards_loses_them_to_its_retry(
    twin: Twin, shop: Shop, label: str
) -> None:
    assert str(overtaken(shop, twin, Stop(1, label))).startswith(LOST)
    assert shop.faults(twin.books) == []


@pytest.mark.parametrize(
    "label", ["expire_points/01_post_expirations", "commit of expire_points/01_post_expirations"]
)
def test_task_frozen_past_its_retrys_last_pass_writes_nothing_into_the_closed_run(
    twin: Twin, shop: Shop, label: str
) -> None:
    woken = overtaken(shop, twin, Stop(1, label), last_pass=IMPATIENT)
    assert str(woken).startswith(LOST)
    skips = "select distinct reason from loyalty.expiration_skips"
    assert rows(shop.engine, skips) == [("locked",)]
    assert violations(shop.engine, None) == []
    assert made_good_the_next_day(shop, twin) == []
