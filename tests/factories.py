"""Rows as the live application writes them: ledger, balance and activity in one transaction.

Every function takes an engine (one transaction of its own) or a connection (the caller's), and
returns the id of the row; keywords that are not named in a signature are columns to override.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, column, func, select, table, update

Database = Engine | Connection
Instant = str | datetime

_number = count(1)

CARDS = table(
    "loyalty_cards",
    *map(
        column,
        "id program_id merchant_id points_balance stamp_count total_points_earned "
        "total_points_redeemed total_points_voided last_activity_at".split(),
    ),
    schema="loyalty",
)
PROGRAMS = table("loyalty_programs", column("id"), column("merchant_id"), schema="loyalty")


def merchant(on: Database, **columns: Any) -> int:
    return insert(on, "merchants", {"name": f"Merchant {next(_number)}", **columns})


def store(on: Database, merchant_id: int, **columns: Any) -> int:
    row = {"merchant_id": merchant_id, "name": f"Store {next(_number)}", "default_language": "en"}
    return insert(on, "stores", row | columns)


def customer(on: Database, **columns: Any) -> int:
    row = {
        "email": f"customer{next(_number)}@example.org",
        "first_name": "Camille",
        "last_name": "Wagener",
        "preferred_language": "en",
    }
    return insert(on, "customers", row | columns)


def program(on: Database, *, merchant_id: int | None = None, **columns: Any) -> int:
    """A program of 365 days in UTC, warning 14 days ahead, without minimum notice."""
    with _connected(on) as connection:
        row = {
            "merchant_id": merchant_id or merchant(connection),
            "name": f"Program {next(_number)}",
            "points_expiration_days": 365,
            "warning_days": [14],
            "min_notice_days": 0,
            "time_zone": "UTC",
        }
        return insert(connection, "loyalty_programs", row | columns)


def card(
    on: Database,
    program_id: int | None = None,
    *,
    points: int = 100,
    last_activity_at: Instant | None = "2025-01-01T12:00:00+00:00",
    stamps: int = 0,
    customer_id: int | None = None,
    **columns: Any,
) -> int:
    """A card whose points were earned at its last activity; card and ledger agree.

    Without an activity the points came by adjustment, which is none.
    """
    with _connected(on) as connection:
        program_id = program_id or program(connection)
        created_at = columns.get("created_at") or last_activity_at or "2024-01-01T12:00:00+00:00"
        row = {
            "program_id": program_id,
            "merchant_id": connection.scalar(
                select(PROGRAMS.c.merchant_id).where(PROGRAMS.c.id == program_id)
            ),
            "customer_id": customer_id or customer(connection),
            "card_number": f"C{next(_number):06}",
            "created_at": created_at,
        }
        card_id = insert(connection, "loyalty_cards", row | columns)
        if last_activity_at is None:
            adjust(connection, card_id, points, created_at)
            return card_id
        write_ledger(connection, card_id, "card_created", last_activity_at, is_activity=True)
        if points:
            earn(connection, card_id, points, last_activity_at)
        if stamps:
            write_ledger(
                connection, card_id, "stamp_earned", last_activity_at, stamps=stamps,
                is_activity=True,
            )  # fmt: skip
        return card_id


def earn(on: Database, card_id: int, points: int, at: Instant) -> int:
    return write_ledger(
        on, card_id, "points_earned", at, points=points, is_activity=True,
        total_points_earned=points,
    )  # fmt: skip


def redeem(on: Database, card_id: int, points: int, at: Instant) -> int:
    return write_ledger(
        on, card_id, "points_redeemed", at, points=-points, is_activity=True,
        total_points_redeemed=points,
    )  # fmt: skip


def adjust(on: Database, card_id: int, points: int, at: Instant) -> int:
    """Add points, or take them where negative; no activity."""
    return write_ledger(on, card_id, "points_adjusted", at, points=points)


def void(on: Database, card_id: int, points: int, at: Instant) -> int:
    return write_ledger(
        on, card_id, "points_voided", at, points=-points, total_points_voided=points
    )


def reinstate(on: Database, transaction_id: int, at: Instant) -> int:
    """Give back what the ledger row `transaction_id` expired; no activity."""
    expirations = table(
        "expirations",
        *map(column, ("transaction_id", "card_id", "points", "reinstated_by")),
        schema="loyalty",
    )
    with _connected(on) as connection:
        expired = connection.execute(
            select(expirations).where(expirations.c.transaction_id == transaction_id)
        ).one()
        ledger_id = write_ledger(
            connection, expired.card_id, "points_reinstated", at, points=expired.points,
            total_points_voided=-expired.points,
        )  # fmt: skip
        connection.execute(
            update(expirations)
            .where(expirations.c.transaction_id == transaction_id)
            .values(reinstated_by=ledger_id)
        )
        return ledger_id


def write_ledger(
    on: Database,
    card_id: int,
    transaction_type: str,
    at: Instant,
    *,
    points: int = 0,
    stamps: int = 0,
    is_activity: bool = False,
    **totals: int,
) -> int:
    """Write one ledger row and move its card by the same deltas; returns the ledger row's id."""
    changes: dict[str, Any] = {
        "points_balance": CARDS.c.points_balance + points,
        "stamp_count": CARDS.c.stamp_count + stamps,
    }
    changes |= {name: CARDS.c[name] + delta for name, delta in totals.items()}
    if is_activity:
        changes["last_activity_at"] = func.greatest(CARDS.c.last_activity_at, bindparam("at", at))
    with _connected(on) as connection:
        moved = connection.execute(
            update(CARDS)
            .where(CARDS.c.id == card_id)
            .values(changes)
            .returning(CARDS.c.merchant_id, CARDS.c.points_balance, CARDS.c.stamp_count)
        ).one()
        return insert(
            connection,
            "loyalty_transactions",
            {
                "card_id": card_id,
                "merchant_id": moved.merchant_id,
                "transaction_type": transaction_type,
                "points_delta": points,
                "points_balance_after": moved.points_balance,
                "stamps_delta": stamps,
                "stamps_balance_after": moved.stamp_count,
                "transaction_at": at,
            },
        )


def insert(on: Database, name: str, row: dict[str, Any]) -> int:
    """Insert one row into the table `name` of schema loyalty; returns its id."""
    target = table(name, column("id"), *map(column, row), schema="loyalty")
    with _connected(on) as connection:
        return int(connection.scalar(target.insert().values(row).returning(target.c.id)))


@contextmanager
def _connected(on: Database) -> Iterator[Connection]:
    if isinstance(on, Connection):
        yield on
    else:
        with on.begin() as connection:
            yield connection
