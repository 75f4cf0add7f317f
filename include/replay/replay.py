"""The replay: the CDNOW purchases as a points history that ends yesterday (docs/replay.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd
from psycopg2.extensions import connection as Connection

from include.replay import load, platform, posting
from include.replay.activity import activities
from include.replay.ledger import card_states, history_ledger
from include.replay.purchases import purchases_file, read_purchases, shift


@dataclass(frozen=True, eq=False)
class Replay:
    """Everything that ever happens, in tables named after the database's.

    `customers` and `cards` hold all that will be enrolled one day, `cards` without what activity
    changes; `events` are in the order of their instants (`activity.activities`).
    """

    today: date
    seed: int
    customers: pd.DataFrame
    cards: pd.DataFrame
    events: pd.DataFrame


@dataclass(frozen=True, eq=False)
class History:
    """What the database holds at an instant: rows as the tables have them."""

    customers: pd.DataFrame
    cards: pd.DataFrame
    ledger: pd.DataFrame


def build(today: date, seed: int = 1997) -> Replay:
    """Return the replay whose last purchase falls on the latest possible day before `today` (UTC).

    Raises:
        ConfigurationError: the file of purchases is missing or another one.
    """
    purchases = read_purchases(purchases_file())
    purchases["purchased_on"] += shift(today)
    customer_ids = sorted(purchases["customer_id"].unique().tolist())
    cards = platform.memberships(customer_ids, seed)
    events = activities(purchases, cards, programs=platform.PROGRAMS, seed=seed)
    enrolments = events[events["transaction_type"] == "card_created"].set_index("card_id")
    return Replay(
        today=today,
        seed=seed,
        customers=platform.customers(customer_ids, seed),
        cards=cards.assign(
            enrolled_at_store_id=cards["id"].map(enrolments["store_id"]),
            created_at=cards["id"].map(enrolments["happened_at"]),
        ),
        events=events,
    )


def history(replay: Replay, until: datetime) -> History:
    """Return what had become of the events up to and including `until`, expiries booked."""
    ledger = history_ledger(replay.events, programs=platform.PROGRAMS, until=until)
    cards = card_states(replay.cards, ledger)
    customers = replay.customers[replay.customers["id"].isin(cards["customer_id"])]
    return History(customers=customers, cards=cards, ledger=ledger)


def load_history(connection: Connection, replay: Replay, until: datetime) -> None:
    """Copy the platform and its history up to and including `until` into empty tables.

    What was due at `until` or before is booked as expired. The caller commits. To leave a day's
    expiries to the first demonstrated run, end the history the day before it and `post` the rest.
    """
    past = history(replay, until)
    with connection.cursor() as cursor:
        load.copy_rows(cursor, "merchants", platform.merchants())
        load.copy_rows(cursor, "stores", platform.stores())
        load.copy_rows(cursor, "customers", past.customers)
        load.copy_rows(cursor, "loyalty_programs", platform.programs())
        load.copy_rows(cursor, "loyalty_cards", past.cards)
        load.copy_rows(cursor, "loyalty_transactions", past.ledger)
        load.restart_identities(cursor, customers=replay.customers, cards=replay.cards)


def post(connection: Connection, replay: Replay, after: datetime, until: datetime) -> int:
    """Post the events later than `after`, up to and including `until`, as the application would.

    Returns the number of ledger rows. The caller commits; a card that has the window's rows
    already gets none, so a repeated call posts nothing.

    Raises:
        LoyaltyError: a card that should be there is not.
    """
    happened_at = replay.events["happened_at"]
    window = replay.events[(happened_at > after) & (happened_at <= until)]
    with connection.cursor() as cursor:
        posting.enrol(cursor, window, customers=replay.customers, cards=replay.cards)
        return posting.post_events(cursor, window)


def first_runs(today: date, days: int) -> list[datetime]:
    """Return 02:00 UTC of `days` consecutive days, the last of them `today`."""
    last = datetime.combine(today, time(2), tzinfo=UTC)
    return [last - timedelta(days=back) for back in reversed(range(days))]
