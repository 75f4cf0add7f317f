"""What an expiry decides at the locked card, where something changed after it was planned."""

from __future__ import annotations

import pytest

from include.cohorts import carry_out, select_cohort
from tests import factories
from tests.day import run_day
from tests.due import ACTIVE_AT, DAY_AFTER, opened_run
from tests.rows import balance, execute, rows, skips


def test_customer_who_came_back_after_selection_keeps_the_points(engine, at):
    now = at(DAY_AFTER)
    card = factories.card(engine, last_activity_at=ACTIVE_AT)
    run_id = opened_run(engine)
    assert select_cohort(engine, run_id, "expiry").cards_planned == 1
    factories.earn(engine, card, 5, now)
    assert vars(carry_out(engine, run_id, "expiry")) == {
        "cards_done": 0, "points_done": 0, "cards_skipped": 1,
    }  # fmt: skip
    assert balance(engine, card) == 105
    assert skips(engine, run_id) == [("expiry", card, "came_back")]


def test_late_run_decides_on_the_card_as_it_is_now(engine, at):
    card = factories.card(engine, last_activity_at=ACTIVE_AT)
    factories.earn(engine, card, 5, "2026-01-05T10:00:00+00:00")
    at("2026-01-10T02:00:00+00:00")
    run_day(engine, DAY_AFTER)
    assert balance(engine, card) == 105


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("update loyalty.loyalty_cards set is_active = false", "deactivated"),
        ("update loyalty.loyalty_programs set is_active = false", "deactivated"),
        ("update loyalty.merchants set is_active = false", "deactivated"),
        ("update loyalty.loyalty_programs set points_expiration_days = 400", "settings_changed"),
        ("update loyalty.loyalty_programs set points_expiration_days = null", "settings_changed"),
        ("update loyalty.loyalty_programs set min_notice_days = 7", "notice_owed"),
    ],
)
def test_change_between_plan_and_deed_spares_the_points(engine, at, change, reason):
    at(DAY_AFTER)
    card = factories.card(engine, last_activity_at=ACTIVE_AT)
    run_id = opened_run(engine)
    select_cohort(engine, run_id, "expiry")
    execute(engine, change)
    carry_out(engine, run_id, "expiry")
    assert balance(engine, card) == 100
    assert skips(engine, run_id) == [("expiry", card, reason)]


def test_card_emptied_after_selection_is_skipped(engine, at):
    at(DAY_AFTER)
    card = factories.card(engine, points=100, last_activity_at=ACTIVE_AT)
    run_id = opened_run(engine)
    select_cohort(engine, run_id, "expiry")
    factories.adjust(engine, card, -100, DAY_AFTER)
    carry_out(engine, run_id, "expiry")
    assert skips(engine, run_id) == [("expiry", card, "emptied")]


def test_points_adjusted_after_selection_expire_with_the_rest(engine, at):
    at(DAY_AFTER)
    card = factories.card(engine, points=100, last_activity_at=ACTIVE_AT)
    run_id = opened_run(engine)
    select_cohort(engine, run_id, "expiry")
    factories.adjust(engine, card, 20, "2026-01-02T01:00:00+00:00")
    carry_out(engine, run_id, "expiry")
    # 100 + 20 adjusted (no activity) = 120.
    assert rows(engine, "select points from loyalty.expirations") == [(120,)]
    assert balance(engine, card) == 0
