from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pandas as pd

from include.replay.activity import activities, seconds_of_day
from include.replay.platform import PROGRAMS
from include.replay.purchases import LAST_PURCHASE_ON, purchases_file, read_purchases
from include.replay.replay import Replay

ZONES = {program.id: program.time_zone for program in PROGRAMS}


def _purchases(*rows: tuple[int, int, str, int]) -> pd.DataFrame:
    columns = ["purchase_number", "customer_id", "purchased_on", "points"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(purchased_on=pd.to_datetime(frame["purchased_on"]))


def _card_in(program_id: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"id": [100_001], "program_id": program_id, "merchant_id": 9, "customer_id": 1}
    )


def _local(events: pd.DataFrame, program_id: int) -> pd.Series:
    at_home = events.loc[events["program_id"] == program_id, "happened_at"]
    return at_home.dt.tz_convert(ZONES[program_id]).dt.tz_localize(None)


def test_time_of_day_is_the_draw_within_the_opening_hours() -> None:
    # The draw of (1997, time, 1) is 0xdf7db645cd5aca3c; modulo 39600 it is 21676 = 06:01:16, and
    # 09:00:00 + 06:01:16 = 15:01:16 in Auckland, UTC+13 in January.
    purchases = _purchases((1, 1, "2026-01-05", 11))
    events = activities(purchases, _card_in(501), programs=PROGRAMS, seed=1997)
    assert 0xDF7DB645CD5ACA3C % 39_600 == 21_676
    assert events["happened_at"][1] == datetime(2026, 1, 5, 2, 1, 16, tzinfo=UTC)


def test_card_is_created_just_before_its_first_purchase() -> None:
    purchases = _purchases((1, 1, "2026-01-05", 11), (2, 1, "2026-01-09", 7))
    events = activities(purchases, _card_in(501), programs=PROGRAMS, seed=1997)
    rows = events[["transaction_type", "points", "happened_on"]].values.tolist()
    assert rows[:2] == [
        ["card_created", 0, pd.Timestamp("2026-01-05")],
        ["points_earned", 11, pd.Timestamp("2026-01-05")],
    ]
    assert events["happened_at"][0] == events["happened_at"][1]
    assert events["transaction_type"].tolist().count("card_created") == 1


def test_purchases_of_one_day_keep_their_order_and_never_meet() -> None:
    same_day = _purchases(*[(number, 1, "2026-01-05", 1) for number in range(1, 17)])
    seconds = seconds_of_day(same_day.assign(card_id=100_001), seed=1997)
    # 39600 / 16 = 2475 seconds a slot.
    assert [(second - 32_400) // 2_475 for second in seconds] == list(range(16))


def test_purchases_happen_within_local_opening_hours(replay: Replay) -> None:
    earned = replay.events[replay.events["transaction_type"] == "points_earned"]
    for program_id in ZONES:
        clock = _local(earned, program_id).dt.time
        assert time(9) <= clock.min()
        assert clock.max() < time(20)


def test_a_cards_purchases_have_distinct_instants_in_file_order(replay: Replay) -> None:
    earned = replay.events[replay.events["transaction_type"] == "points_earned"]
    assert not earned.duplicated(["card_id", "happened_at"]).any()
    in_file = read_purchases(purchases_file())
    by_card = earned.sort_values(["card_id", "happened_at"])
    assert by_card["points"].tolist() == in_file["points"].tolist()


def test_happened_on_is_the_local_day_of_every_event(replay: Replay) -> None:
    for program_id in ZONES:
        days = replay.events.loc[replay.events["program_id"] == program_id, "happened_on"]
        assert (_local(replay.events, program_id).dt.normalize() == days).all()


def test_weekdays_are_those_of_the_file(replay: Replay) -> None:
    earned = replay.events[replay.events["transaction_type"] == "points_earned"]
    in_file = read_purchases(purchases_file())["purchased_on"]
    weekdays = earned["happened_on"].dt.day_of_week.value_counts()
    assert weekdays.to_dict() == in_file.dt.day_of_week.value_counts().to_dict()
    # 2026-11-17 is the Tuesday that 1998-06-30 was.
    assert earned["happened_on"].max().date() == date(2026, 11, 17)
    assert LAST_PURCHASE_ON.weekday() == date(2026, 11, 17).weekday()


def test_everything_has_happened_by_the_run_of_today(replay: Replay) -> None:
    assert replay.events["happened_at"].max() <= datetime(2026, 11, 20, 2, tzinfo=UTC)


def test_redemptions_follow_an_hour_after_a_purchase_at_the_same_store(replay: Replay) -> None:
    redeemed = replay.events[replay.events["transaction_type"] == "points_redeemed"]
    earned = replay.events[replay.events["transaction_type"] == "points_earned"]
    hour_later = earned.assign(happened_at=earned["happened_at"] + timedelta(hours=1))
    keys = ["card_id", "store_id", "happened_at"]
    assert len(redeemed.merge(hour_later, on=keys)) == len(redeemed)
    # Of 69,659 purchases one in 60 is 1,161 and one in 12 is 5,805.
    assert 1_050 < (redeemed["takes_one_in"] == 1).sum() < 1_270
    assert 5_600 < (redeemed["takes_one_in"] == 2).sum() < 6_000


def test_stores_belong_to_the_cards_program(replay: Replay) -> None:
    pairs = replay.events[["program_id", "store_id"]].drop_duplicates()
    expected = {(program.id, store) for program in PROGRAMS for store in program.store_ids}
    assert set(pairs.itertuples(index=False, name=None)) == expected
