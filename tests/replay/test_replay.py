from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from include.replay.platform import PROGRAMS
from include.replay.replay import History, Replay, build, first_runs, history

UNTIL = datetime(2026, 11, 20, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def past(replay: Replay) -> History:
    return history(replay, UNTIL)


def _sums(ledger: pd.DataFrame, kind: str, cards: pd.DataFrame) -> list[int]:
    rows = ledger[ledger["transaction_type"] == kind]
    points = rows.groupby("card_id")["points_delta"].sum()
    return points.reindex(cards["id"], fill_value=0).tolist()


def test_first_runs_are_the_days_up_to_today_at_two() -> None:
    assert first_runs(date(2026, 3, 1), 3) == [
        datetime(2026, 2, 27, 2, tzinfo=UTC),
        datetime(2026, 2, 28, 2, tzinfo=UTC),
        datetime(2026, 3, 1, 2, tzinfo=UTC),
    ]
    assert first_runs(date(2026, 3, 1), 0) == []


def test_history_holds_every_purchase(past: History) -> None:
    counts = past.ledger["transaction_type"].value_counts()
    assert counts["points_earned"] == 69_659
    assert counts["card_created"] == len(past.cards) == len(past.customers) == 23_570
    assert counts["points_expired"] > 10_000
    assert counts["points_redeemed"] > 5_000


def test_cards_columns_are_the_sums_of_their_ledger(past: History) -> None:
    cards, ledger = past.cards, past.ledger
    balances = ledger.groupby("card_id")["points_delta"].sum().reindex(cards["id"])
    assert cards["points_balance"].tolist() == balances.tolist()
    assert cards["total_points_earned"].tolist() == _sums(ledger, "points_earned", cards)
    taken = -cards["total_points_redeemed"]
    assert taken.tolist() == _sums(ledger, "points_redeemed", cards)
    voided = -cards["total_points_voided"]
    assert voided.tolist() == _sums(ledger, "points_expired", cards)
    assert (cards["points_balance"] >= 0).all()


def test_last_activity_is_the_latest_row_that_is_no_expiry(past: History) -> None:
    active = past.ledger[past.ledger["transaction_type"] != "points_expired"]
    latest = active.groupby("card_id")["transaction_at"].max().reindex(past.cards["id"])
    assert past.cards["last_activity_at"].tolist() == latest.tolist()
    created = past.ledger[past.ledger["transaction_type"] == "card_created"]
    enrolled_at = created.set_index("card_id")["transaction_at"].reindex(past.cards["id"])
    assert past.cards["created_at"].tolist() == enrolled_at.tolist()


def test_ledger_ids_follow_the_instants(past: History) -> None:
    assert past.ledger["transaction_at"].is_monotonic_increasing
    assert past.ledger["id"].tolist() == list(range(1, len(past.ledger) + 1))


def test_every_row_carries_the_balance_after_it(past: History) -> None:
    running = past.ledger.groupby("card_id")["points_delta"].cumsum()
    assert (running == past.ledger["points_balance_after"]).all()
    assert (running >= 0).all()


def test_nothing_due_is_left_and_nothing_exempt_has_expired(past: History) -> None:
    expired = past.ledger[past.ledger["transaction_type"] == "points_expired"]
    cards = past.cards.set_index("id")
    for program in PROGRAMS:
        own = cards[cards["program_id"] == program.id]
        if not program.expires:
            assert not expired["card_id"].isin(own.index).any()
            continue
        today = pd.Timestamp(UNTIL).tz_convert(program.time_zone).tz_localize(None).normalize()
        local = own["last_activity_at"].dt.tz_convert(program.time_zone).dt.tz_localize(None)
        due_on = local.dt.normalize() + pd.Timedelta(days=program.points_expiration_days or 0)
        assert not ((due_on < today) & (own["points_balance"] > 0)).any()
        assert ((due_on >= today) & (own["points_balance"] > 0)).any()


def test_same_seed_and_day_give_the_same_rows(replay: Replay, past: History) -> None:
    again = history(build(replay.today, replay.seed), UNTIL)
    assert_frame_equal(again.customers, past.customers)
    assert_frame_equal(again.cards, past.cards)
    assert_frame_equal(again.ledger, past.ledger)


def test_another_seed_gives_other_instants_and_the_same_points(replay: Replay) -> None:
    other = build(replay.today, seed=1)
    assert not other.events["happened_at"].equals(replay.events["happened_at"])
    assert other.events["points"].sum() == replay.events["points"].sum()


def test_earlier_history_is_the_beginning_of_a_later_one(replay: Replay, past: History) -> None:
    earlier = history(replay, UNTIL - timedelta(days=200)).ledger
    assert_frame_equal(earlier, past.ledger.head(len(earlier)))
    assert 0 < len(earlier) < len(past.ledger)


def test_customers_appear_with_their_first_purchase(replay: Replay) -> None:
    # The first day of the file is 1997-01-01, 545 days before its last, 2026-11-17.
    first_day = date(2026, 11, 17) - timedelta(days=545)
    midnight_after = datetime.combine(first_day + timedelta(days=3), datetime.min.time(), UTC)
    beginning = history(replay, midnight_after)
    assert 0 < len(beginning.cards) < 2_000
    assert beginning.customers["id"].tolist() == beginning.cards["customer_id"].tolist()


def test_history_before_everything_is_empty(replay: Replay) -> None:
    nothing = history(replay, datetime(2020, 1, 1, tzinfo=UTC))
    assert (len(nothing.customers), len(nothing.cards), len(nothing.ledger)) == (0, 0, 0)
