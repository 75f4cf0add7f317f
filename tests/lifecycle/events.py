"""Events as the application writes them, runs of the lifecycle mails, and the mails they queued."""

from __future__ import annotations

from itertools import count
from typing import Any

from sqlalchemy import Connection, Engine

from include.lifecycle import DagRun, Queued, queue_events
from tests import factories
from tests.rows import rows

NOW = "2026-03-02T12:00:00+00:00"
DAG = "loyalty_lifecycle_mail"
_number = count(1)


def run(engine: Engine, name: str | None = None) -> Queued:
    """One run of the DAG, as far as the mails are queued."""
    return queue_events(engine, DagRun(DAG, name or f"run {next(_number)}"))


def bonus(on: Engine | Connection, card_id: int, points: int = 10, **columns: Any) -> int:
    """A welcome bonus; with `id` in the columns, of that very id."""
    if not columns:
        return factories.write_ledger(
            on, card_id, "welcome_bonus", NOW, points=points, is_activity=True
        )
    row = {
        "card_id": card_id,
        "merchant_id": 1,
        "transaction_type": "welcome_bonus",
        "points_delta": points,
        "points_balance_after": points,
    }
    return factories.insert(on, "loyalty_transactions", row | columns)


def stamp(on: Engine | Connection, card_id: int, stamps: int = 1) -> int:
    return factories.write_ledger(on, card_id, "stamp_earned", NOW, stamps=stamps, is_activity=True)


def key(ledger_id: int) -> str:
    """The occurrence that a welcome bonus is."""
    return f"welcome_bonus:{ledger_id}"


def keys(engine: Engine) -> list[str]:
    """The occurrences that have a mail, in the order in which they were queued."""
    statement = "select occurrence_key from loyalty.email_logs order by id"
    return [key for (key,) in rows(engine, statement)]


def unread(engine: Engine) -> list[tuple[int, int | None]]:
    return rows(engine, "select first_id, last_id from loyalty.lifecycle_unread order by first_id")
