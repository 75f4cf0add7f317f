"""Demonstrated days in a real database: activity on the cards as they are by then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest
from sqlalchemy import Engine

from include.errors import LoyaltyError
from include.replay.replay import Replay, history, load_history, post
from tests.replay.books import (
    CUSTOMERS,
    DAY,
    LEDGER,
    UNTIL,
    assert_books_agree,
    count,
    do,
    load,
    post_events,
    raw,
    read,
)


def _redemption(replay: Replay, *, takes_one_in: int) -> pd.Series:
    """The first redemption after the first year by a card whose points never expire."""
    events = replay.events[
        (replay.events["program_id"] == 401)
        & (replay.events["takes_one_in"] == takes_one_in)
        & (replay.events["happened_at"] > UNTIL - 180 * DAY)
    ]
    return events.iloc[0]


def test_posting_day_by_day_ends_where_the_history_does(database: Engine, few: Replay) -> None:
    # Without expirations both are the same: keep the program whose points never expire.
    cards = few.cards[few.cards["program_id"] == 401]
    quiet = replace(few, cards=cards, events=few.events[few.events["card_id"].isin(cards["id"])])
    starts = [UNTIL - back * DAY for back in range(60, 0, -1)]
    load(database, quiet, starts[0])
    before = count(database, "loyalty_transactions")
    posted = sum(post_events(database, quiet, start, start + DAY) for start in starts)
    past = history(quiet, UNTIL)
    assert posted == len(past.ledger) - before > 0
    columns = ["card_id", "store_id", "transaction_type", "points_delta", "points_balance_after"]
    expected = past.ledger[[*columns, "transaction_at"]].itertuples(index=False, name=None)
    assert read(database, LEDGER) == list(expected)
    assert_books_agree(database)


def test_posting_enrols_the_customers_it_meets(database: Engine, few: Replay) -> None:
    start = UNTIL - 600 * DAY  # before the first purchase
    load(database, few, start)
    assert count(database, "loyalty_cards") == 0
    posted = post_events(database, few, start, UNTIL)
    assert count(database, "customers") == count(database, "loyalty_cards") == CUSTOMERS
    assert count(database, "loyalty_transactions") == posted
    assert read(
        database,
        "select count(*) from loyalty.loyalty_cards where enrolled_at_store_id is null "
        "or total_points_voided <> 0",
    ) == [(0,)]
    assert_books_agree(database)


def test_posting_a_window_twice_posts_nothing(database: Engine, few: Replay) -> None:
    load(database, few, UNTIL - 30 * DAY)
    assert post_events(database, few, UNTIL - 30 * DAY, UNTIL) > 0
    rows = read(database, LEDGER)
    assert post_events(database, few, UNTIL - 30 * DAY, UNTIL) == 0
    assert read(database, LEDGER) == rows
    assert_books_agree(database)


def test_window_begins_just_after_its_first_instant(database: Engine, few: Replay) -> None:
    event = _redemption(few, takes_one_in=1)
    redeemed_at = event["happened_at"].to_pydatetime()
    purchased_at = redeemed_at - timedelta(hours=1)
    load(database, few, purchased_at)
    post_events(database, few, purchased_at, redeemed_at)
    last = read(database, LEDGER)[-1]
    assert (last[0], last[2], last[5]) == (event["card_id"], "points_redeemed", redeemed_at)


def test_window_without_activity_posts_nothing(database: Engine, few: Replay) -> None:
    load(database, few, UNTIL)
    assert post_events(database, few, UNTIL, UNTIL + DAY) == 0


@pytest.mark.parametrize("takes_one_in", [1, 2])
def test_redemption_takes_its_part_of_the_balance_it_finds(
    database: Engine, few: Replay, takes_one_in: int
) -> None:
    event = _redemption(few, takes_one_in=takes_one_in)
    at = event["happened_at"].to_pydatetime()
    load(database, few, at - timedelta(seconds=1))
    do(
        database,
        "update loyalty.loyalty_cards set points_balance = 9 where id = :card",
        card=int(event["card_id"]),
    )
    assert post_events(database, few, at - timedelta(seconds=1), at) == 1
    # Half of 9, rounded down, is 4; the whole is 9.
    taken = 9 // takes_one_in
    assert read(database, LEDGER)[-1][:5] == (
        event["card_id"],
        event["store_id"],
        "points_redeemed",
        -taken,
        9 - taken,
    )


def test_redemption_from_a_card_the_pipeline_has_emptied_leaves_no_row(
    database: Engine, few: Replay
) -> None:
    event = _redemption(few, takes_one_in=1)
    at = event["happened_at"].to_pydatetime()
    load(database, few, at - timedelta(seconds=1))
    do(
        database,
        "update loyalty.loyalty_cards set points_balance = 0 where id = :card",
        card=int(event["card_id"]),
    )
    rows = read(database, LEDGER)
    assert post_events(database, few, at - timedelta(seconds=1), at) == 0
    assert read(database, LEDGER) == rows


def test_posting_never_moves_last_activity_backwards(database: Engine, few: Replay) -> None:
    load(database, few, UNTIL - 30 * DAY)
    later = UNTIL + DAY
    do(database, "update loyalty.loyalty_cards set last_activity_at = :later", later=later)
    assert post_events(database, few, UNTIL - 30 * DAY, UNTIL) > 0
    assert read(database, "select distinct last_activity_at from loyalty.loyalty_cards") == [
        (later,)
    ]


def test_posting_leaves_other_cards_as_they_are(database: Engine, few: Replay) -> None:
    load(database, few, UNTIL - 10 * DAY)
    cards = "select * from loyalty.loyalty_cards order by id"
    before = {row[0]: row for row in read(database, cards)}
    post_events(database, few, UNTIL - 10 * DAY, UNTIL)
    changed = {row[0] for row in read(database, cards) if row != before[row[0]]}
    recent = few.events[few.events["happened_at"] > UNTIL - 10 * DAY]
    assert changed == set(recent["card_id"])


def test_missing_card_is_refused_and_nothing_is_posted(database: Engine, few: Replay) -> None:
    load(database, few, UNTIL - 600 * DAY)  # an empty history, so nobody is enrolled
    with pytest.raises(LoyaltyError, match="are not in the database, the first is card"):
        post_events(database, few, UNTIL - 30 * DAY, UNTIL)
    assert count(database, "loyalty_transactions") == 0
    assert count(database, "loyalty_cards") == 0


def test_no_instant_depends_on_the_sessions_time_zone(database: Engine, few: Replay) -> None:
    with raw(database) as connection:
        with connection.cursor() as cursor:
            cursor.execute("set time zone 'Pacific/Auckland'")
        load_history(connection, few, UNTIL - 30 * DAY)
        post(connection, few, UNTIL - 30 * DAY, UNTIL)
        with connection.cursor() as cursor:
            cursor.execute("reset time zone")
    instants = {row[5] for row in read(database, LEDGER) if row[2] == "points_earned"}
    earned = few.events[few.events["transaction_type"] == "points_earned"]
    assert instants == set(earned["happened_at"])
