"""When the cards of the reinstatement tests expired, and what is told of points that came back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from tests.rows import rows

# 1 March 2025 + 365 days: the points can be used until the end of 1 March 2026, local time.
ACTIVE_AT = "2025-03-01T12:00:00+00:00"
EXPIRED = "2026-03-02T02:00:00+00:00"


def ledger(engine: Engine, card: int) -> list[tuple[Any, ...]]:
    """Return kind, points and balance of a card's rows, but for the two it came with."""
    statement = """
        select transaction_type, points_delta, points_balance_after
        from loyalty.loyalty_transactions where card_id = %(card)s
        order by id offset 2
    """
    return rows(engine, statement, card=card)


def report(engine: Engine, run_id: int) -> tuple[Any, ...]:
    """Return what a run gave back, cards and points, and how much it skipped."""
    statement = """
        select cards_reinstated, points_reinstated, reinstatements_skipped
        from loyalty.expiration_runs where id = %(run_id)s
    """
    return rows(engine, statement, run_id=run_id)[0]
