"""Posting: new activity on the cards as they are now, the way the live application does it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd
from psycopg2.extensions import cursor as Cursor

from include.errors import LoyaltyError
from include.replay.ledger import LedgerRow, as_events, fold
from include.replay.statement import statement


def enrol(
    cursor: Cursor, window: pd.DataFrame, *, customers: pd.DataFrame, cards: pd.DataFrame
) -> None:
    """Insert the customers and the empty cards that are created within the window."""
    created = window.loc[window["transaction_type"] == "card_created", "card_id"]
    new_cards = cards[cards["id"].isin(created)]
    new_customers = customers[customers["id"].isin(new_cards["customer_id"])]
    cursor.execute(statement("02_enrol_customers"), {"customers": _json(new_customers)})
    cursor.execute(statement("03_enrol_cards"), {"cards": _json(new_cards)})


def post_events(cursor: Cursor, window: pd.DataFrame) -> int:
    """Post the window's events on the locked cards; return the number of ledger rows."""
    balances = _lock_cards(cursor, sorted(window["card_id"].unique().tolist()))
    posted = _posted_cards(cursor, window)
    events = as_events(window[~window["card_id"].isin(posted)])
    rows = fold(events, balances)
    cursor.execute(statement("06_post_ledger_rows"), {"rows": _rows_json(rows)})
    (count,) = _fetch_all(cursor)[0]
    return int(count)


def _lock_cards(cursor: Cursor, card_ids: Sequence[int]) -> dict[int, int]:
    """Lock the cards and return their balances: the pipeline may have expired points since."""
    cursor.execute(statement("04_lock_cards"), {"card_ids": list(card_ids)})
    balances: dict[int, int] = dict(_fetch_all(cursor))
    missing = [card_id for card_id in card_ids if card_id not in balances]
    if missing:
        raise LoyaltyError(
            f"{len(missing)} cards with purchases are not in the database, the first is card "
            f"{missing[0]}: load the history up to the instant after which you post."
        )
    return balances


def _posted_cards(cursor: Cursor, window: pd.DataFrame) -> list[int]:
    events = window[["card_id", "transaction_type", "happened_at"]]
    cursor.execute(statement("05_find_posted_cards"), {"events": _json(events)})
    return [card_id for (card_id,) in _fetch_all(cursor)]


def _fetch_all(cursor: Cursor) -> list[tuple[Any, ...]]:
    return list(cursor.fetchall())


def _json(rows: pd.DataFrame) -> str:
    return rows.to_json(orient="records", date_format="iso", date_unit="us")


def _rows_json(rows: Sequence[LedgerRow]) -> str:
    # The position keeps the order of rows that share an instant.
    numbered = [row._asdict() | {"position": place} for place, row in enumerate(rows)]
    return json.dumps(numbered, default=str)
