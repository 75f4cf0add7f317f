"""Points that are given back, beside tills and a second run, in every order."""

from __future__ import annotations

import pytest

from tests import factories
from tests.day import run_day
from tests.interleavings import application
from tests.interleavings.pipeline import carrying_out, planned


@pytest.fixture
def card(engine, judge):
    """A card whose 100 points expired yesterday; a purchase of 2025-12-31 was posted after that."""
    card_id = factories.card(engine, last_activity_at="2025-01-01T12:00:00+00:00")
    run_day(engine, application.AT, dag_run_id="expired")
    factories.earn(engine, card_id, 5, "2025-12-31T12:00:00+00:00")
    return card_id


@pytest.mark.parametrize(
    "deed",
    [
        application.earn, application.earn_ledger_first, application.adjust,
        application.deactivate,
    ],
    ids=lambda deed: deed.__name__,
)  # fmt: skip
def test_every_order_ends_like_a_serial_one(engine, judge, card, deed):
    run = planned(engine, "reinstatement")
    verdict = judge.judge(job=carrying_out(run, "reinstatement"), application=deed(card))
    assert verdict.faults == []
    assert verdict.orders > 1


def test_two_runs_at_once_give_back_once(engine, judge, card):
    first, second = (planned(engine, "reinstatement", name) for name in ("first", "second"))
    verdict = judge.judge(
        first=carrying_out(first, "reinstatement"), second=carrying_out(second, "reinstatement")
    )
    assert verdict.faults == []
    assert verdict.ends_serial == 2
