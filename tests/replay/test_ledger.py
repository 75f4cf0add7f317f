from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from include.replay.ledger import Event, LedgerRow, booked_at, fold, history_ledger
from include.replay.platform import Program

UNTIL = datetime(2026, 12, 31, tzinfo=UTC)


def _program(
    time_zone: str = "Europe/Luxembourg", days: int | None = 10, **changes: bool
) -> Program:
    return Program(1, 1, "Program", days, time_zone, (11,), 20, **changes)


def _event(
    kind: str, at: str, *, points: int = 0, takes_one_in: int = 0, card_id: int = 7
) -> Event:
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return Event(card_id, 1, 11, kind, points, takes_one_in, None, instant)


def _events(*rows: tuple[str, str, str, int]) -> pd.DataFrame:
    """One card's events: type, local day, instant (UTC), points."""
    frame = pd.DataFrame(rows, columns=["transaction_type", "happened_on", "happened_at", "points"])
    return frame.assign(
        card_id=7,
        program_id=1,
        merchant_id=1,
        store_id=11,
        takes_one_in=0,
        happened_on=pd.to_datetime(frame["happened_on"]).astype("datetime64[us]"),
        happened_at=pd.to_datetime(frame["happened_at"], utc=True, format="ISO8601"),
    )


def _deltas(events: pd.DataFrame, program: Program, until: datetime = UNTIL) -> list[list[object]]:
    ledger = history_ledger(events, programs=[program], until=until)
    return ledger[["transaction_type", "points_delta", "points_balance_after"]].values.tolist()


def test_fold_keeps_a_running_balance_per_card() -> None:
    rows = fold(
        [
            _event("card_created", "2026-01-01T10:00"),
            _event("points_earned", "2026-01-01T10:00", points=25),
            _event("points_earned", "2026-01-01T10:30", points=4, card_id=8),
            _event("points_redeemed", "2026-01-01T11:00", takes_one_in=2),
            _event("points_redeemed", "2026-01-01T12:00", takes_one_in=1),
        ],
        {8: 100},
    )
    # 0, then +25 = 25; card 8: 100 + 4; half of 25 rounded down is 12, 13 stay, then go.
    expected = [(7, 0, 0), (7, 25, 25), (8, 4, 104), (7, -12, 13), (7, -13, 0)]
    assert [(row.card_id, row.points_delta, row.points_balance_after) for row in rows] == expected


def test_fold_copies_what_the_event_says() -> None:
    (row,) = fold([_event("points_earned", "2026-01-01T10:00", points=25)], {7: 1})
    at = datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert row == LedgerRow(7, 1, 11, "points_earned", 25, 26, None, at)


@pytest.mark.parametrize(("balance", "takes_one_in"), [(0, 1), (0, 2), (1, 2)])
def test_redeeming_nothing_leaves_no_row(balance: int, takes_one_in: int) -> None:
    redemption = _event("points_redeemed", "2026-01-01T10:00", takes_one_in=takes_one_in)
    assert fold([redemption], {7: balance}) == []


def test_earning_nothing_leaves_a_row() -> None:
    (row,) = fold([_event("points_earned", "2026-01-01T10:00")], {7: 3})
    assert (row.points_delta, row.points_balance_after) == (0, 3)


@pytest.mark.parametrize(
    ("time_zone", "booked"),
    [
        # Last active on 2026-03-01, 10 days: due_on is 2026-03-11.
        ("Europe/Luxembourg", "2026-03-12T02:00"),  # 02:00 UTC is 03:00 on the 12th
        ("Pacific/Auckland", "2026-03-12T02:00"),  # 15:00 on the 12th
        ("America/New_York", "2026-03-13T02:00"),  # on the 12th it is still 22:00 on the 11th
        ("UTC", "2026-03-12T02:00"),
        ("Pacific/Kiritimati", "2026-03-12T02:00"),  # UTC+14: 16:00 on the 12th
        ("Etc/GMT+12", "2026-03-13T02:00"),  # UTC-12: 14:00 on the 11th, then on the 12th
    ],
)
def test_expiry_is_booked_by_the_first_run_after_the_local_due_date(
    time_zone: str, booked: str
) -> None:
    last_active_on = pd.Series(pd.to_datetime(["2026-03-01"]))
    instants = booked_at(last_active_on, _program(time_zone)).tolist()
    assert instants == [pd.Timestamp(booked, tz="UTC")]


@pytest.mark.parametrize(
    ("again_on", "again_at", "balance"),
    [
        # First purchase on 2026-03-01: due_on is the 11th, the run is on the 12th at 02:00 UTC.
        ("2026-03-10", "2026-03-10T12:00", 25 + 4),
        ("2026-03-11", "2026-03-11T12:00", 25 + 4),
        ("2026-03-12", "2026-03-12T01:59:59", 25 + 4),
        ("2026-03-12", "2026-03-12T02:00:00", 25 + 4),  # at the very instant: activity is first
        ("2026-03-12", "2026-03-12T02:00:01", 4),
        ("2026-03-13", "2026-03-13T12:00", 4),
    ],
)
def test_activity_up_to_the_run_saves_the_points(
    again_on: str, again_at: str, balance: int
) -> None:
    events = _events(
        ("points_earned", "2026-03-01", "2026-03-01T10:00", 25),
        ("points_earned", again_on, again_at, 4),
    )
    until = datetime(2026, 3, 14, tzinfo=UTC)
    assert _deltas(events, _program(), until)[-1] == ["points_earned", 4, balance]


def test_purchase_after_an_expiry_starts_anew() -> None:
    events = _events(
        ("card_created", "2026-03-01", "2026-03-01T10:00", 0),
        ("points_earned", "2026-03-01", "2026-03-01T10:00", 25),
        ("points_earned", "2026-06-01", "2026-06-01T10:00", 4),
    )
    assert _deltas(events, _program()) == [
        ["card_created", 0, 0],
        ["points_earned", 25, 25],
        ["points_expired", -25, 0],
        ["points_earned", 4, 4],
        ["points_expired", -4, 0],
    ]


def test_expiry_row_is_a_system_row_that_says_why() -> None:
    events = _events(("points_earned", "2026-03-01", "2026-03-01T10:00", 25))
    row = history_ledger(events, programs=[_program()], until=UNTIL).iloc[-1]
    assert row["notes"] == "Points expired after 10 days of inactivity"
    assert row["transaction_at"] == datetime(2026, 3, 12, 2, tzinfo=UTC)
    assert pd.isna(row["store_id"])
    assert row["id"] == 2


def test_purchase_of_nothing_restarts_the_clock() -> None:
    events = _events(
        ("points_earned", "2026-03-01", "2026-03-01T10:00", 25),
        ("points_earned", "2026-03-08", "2026-03-08T10:00", 0),
        ("points_earned", "2026-03-15", "2026-03-15T10:00", 1),
    )
    assert _deltas(events, _program())[-1] == ["points_expired", -26, 0]


def test_empty_card_expires_nothing() -> None:
    events = _events(("points_earned", "2026-03-01", "2026-03-01T10:00", 0))
    assert _deltas(events, _program()) == [["points_earned", 0, 0]]


@pytest.mark.parametrize(
    "program",
    [_program(is_active=False), _program(days=None), _program(days=0)],
    ids=["inactive", "never", "zero"],
)
def test_exempt_program_expires_nothing(program: Program) -> None:
    events = _events(("points_earned", "2026-03-01", "2026-03-01T10:00", 25))
    assert _deltas(events, program) == [["points_earned", 25, 25]]


@pytest.mark.parametrize(
    ("until", "rows"),
    [
        ("2026-03-01T09:59:59", 0),
        ("2026-03-01T10:00:00", 1),  # the purchase
        ("2026-03-12T01:59:59", 1),
        ("2026-03-12T02:00:00", 2),  # its expiry
    ],
)
def test_history_ends_with_its_last_instant(until: str, rows: int) -> None:
    events = _events(("points_earned", "2026-03-01", "2026-03-01T10:00", 25))
    instant = datetime.fromisoformat(until).replace(tzinfo=UTC)
    assert len(_deltas(events, _program(), instant)) == rows
