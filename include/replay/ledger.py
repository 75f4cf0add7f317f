"""The ledger: what events do to balances, and what an old system would have expired meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import pandas as pd

from include.replay.activity import in_order
from include.replay.platform import Program

EXPIRED = "points_expired"
RUN_TIME = pd.Timedelta(hours=2)
ONE_DAY = pd.Timedelta(days=1)


class Event(NamedTuple):
    """Something that adds points, or takes the balance's `takes_one_in`-th part."""

    card_id: int
    merchant_id: int
    store_id: int | None
    transaction_type: str
    points: int
    takes_one_in: int
    notes: str | None
    happened_at: datetime


class LedgerRow(NamedTuple):
    """What an event wrote into `loyalty.loyalty_transactions`."""

    card_id: int
    merchant_id: int
    store_id: int | None
    transaction_type: str
    points_delta: int
    points_balance_after: int
    notes: str | None
    transaction_at: datetime


def fold(events: Iterable[Event], balances: Mapping[int, int]) -> list[LedgerRow]:
    """Return the ledger rows of `events`, which come in order; `balances` are those before.

    A card that is not among `balances` starts at 0. Redeeming or expiring nothing leaves no row.
    """
    current = dict(balances)
    rows = []
    for event in events:
        before = current.get(event.card_id, 0)
        delta = -(before // event.takes_one_in) if event.takes_one_in else event.points
        if event.takes_one_in and delta == 0:
            continue
        current[event.card_id] = before + delta
        rows.append(_ledger_row(event, delta=delta, balance=before + delta))
    return rows


def _ledger_row(event: Event, *, delta: int, balance: int) -> LedgerRow:
    return LedgerRow(
        card_id=event.card_id,
        merchant_id=event.merchant_id,
        store_id=event.store_id,
        transaction_type=event.transaction_type,
        points_delta=delta,
        points_balance_after=balance,
        notes=event.notes,
        transaction_at=event.happened_at,
    )


def as_events(events: pd.DataFrame) -> list[Event]:
    """Return the rows of an event table as `Event`s, nulls as None."""
    complete = events if "notes" in events else events.assign(notes=None)
    plain = complete[list(Event._fields)].astype(object)
    tuples = plain.where(plain.notna(), None).itertuples(index=False, name=None)
    return [Event._make(values) for values in tuples]


def history_ledger(
    events: pd.DataFrame, *, programs: Sequence[Program], until: datetime
) -> pd.DataFrame:
    """Return the ledger from the first event to `until` inclusive, ids from 1, expiries booked."""
    past = events[events["happened_at"] <= until]
    everything = in_order(pd.concat([past, expiries(past, programs=programs, until=until)]))
    rows = pd.DataFrame(fold(as_events(everything), {}), columns=list(LedgerRow._fields))
    rows["store_id"] = rows["store_id"].astype("Int64")
    return rows.assign(id=range(1, len(rows) + 1), stamps_delta=0, stamps_balance_after=0)


def expiries(events: pd.DataFrame, *, programs: Sequence[Program], until: datetime) -> pd.DataFrame:
    """Return the expiries that a run at 02:00 UTC of every day up to `until` would have booked.

    One for every activity that the card's next one does not follow in time. Activity at the very
    instant of the run comes first and saves the points.
    """
    by_card = events.sort_values(["card_id", "happened_at"], kind="stable")
    next_at = by_card.groupby("card_id")["happened_at"].shift(-1)
    parts = []
    for program in programs:
        if not program.expires:
            continue
        rows = by_card["program_id"] == program.id
        last = by_card[rows].assign(next_at=next_at[rows])
        last["happened_at"] = booked_at(last["happened_on"], program)
        too_late = last["next_at"].isna() | (last["happened_at"] < last["next_at"])
        parts.append(_expiry_events(last[too_late & (last["happened_at"] <= until)], program))
    return pd.concat(parts) if parts else events.head(0)


def booked_at(last_active_on: pd.Series, program: Program) -> pd.Series:
    """Return the first 02:00 UTC at which the program's local date is past `due_on`."""
    due_on = last_active_on + pd.Timedelta(days=program.points_expiration_days or 0)
    next_run = (due_on + ONE_DAY + RUN_TIME).dt.tz_localize("UTC")
    local_on = next_run.dt.tz_convert(program.time_zone).dt.tz_localize(None).dt.normalize()
    booked = next_run.where(local_on > due_on, next_run + ONE_DAY)
    return booked.astype("datetime64[us, UTC]")


def _expiry_events(last: pd.DataFrame, program: Program) -> pd.DataFrame:
    notes = f"Points expired after {program.points_expiration_days} days of inactivity"
    expired = last.drop(columns="next_at").assign(transaction_type=EXPIRED, points=0)
    return expired.assign(store_id=None, takes_one_in=1, notes=notes)


def card_states(cards: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `loyalty.loyalty_cards` that have a ledger, cached columns from it."""
    enrolled = cards[cards["id"].isin(ledger["card_id"])]
    sums = ledger.pivot_table(
        index="card_id", columns="transaction_type", values="points_delta", aggfunc="sum"
    ).reindex(columns=["points_earned", "points_redeemed", EXPIRED])
    sums = sums.fillna(0).astype("int64").reindex(enrolled["id"])
    active = ledger[ledger["transaction_type"] != EXPIRED]
    last_activity_at = active.groupby("card_id")["transaction_at"].max()
    return enrolled.assign(
        points_balance=sums.sum(axis=1).to_numpy(),
        stamp_count=0,
        total_points_earned=sums["points_earned"].to_numpy(),
        total_points_redeemed=-sums["points_redeemed"].to_numpy(),
        total_points_voided=-sums[EXPIRED].to_numpy(),
        last_activity_at=last_activity_at.reindex(enrolled["id"]).to_numpy(),
        last_expiration_warning_at=None,
        is_active=True,
    )
