"""The replay's books in the database: how tests load, post, read and check them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg2.extensions import connection as Connection
from sqlalchemy import Engine, text

from include.replay.replay import Replay, load_history, post

UNTIL = datetime(2026, 11, 20, 2, tzinfo=UTC)
DAY = timedelta(days=1)
CUSTOMERS = 600

CARDS_UNLIKE_THEIR_LEDGER = """
    select cards.id
    from loyalty.loyalty_cards as cards
    left join loyalty.loyalty_transactions as ledger on cards.id = ledger.card_id
    group by cards.id
    having
        cards.points_balance <> sum(ledger.points_delta)
        or cards.total_points_earned <> coalesce(sum(ledger.points_delta)
            filter (where ledger.transaction_type = 'points_earned'), 0)
        or cards.total_points_redeemed <> coalesce(-sum(ledger.points_delta)
            filter (where ledger.transaction_type = 'points_redeemed'), 0)
        or cards.total_points_voided <> coalesce(-sum(ledger.points_delta)
            filter (where ledger.transaction_type = 'points_expired'), 0)
        or cards.last_activity_at is distinct from max(ledger.transaction_at)
            filter (where ledger.transaction_type <> 'points_expired')
        or cards.created_at is distinct from min(ledger.transaction_at)
        or count(ledger.id) = 0
"""

ROWS_UNLIKE_THE_RUNNING_BALANCE = """
    select running.id
    from (
        select
            id,
            points_balance_after,
            sum(points_delta) over (partition by card_id order by id) as balance
        from loyalty.loyalty_transactions
    ) as running
    where running.points_balance_after <> running.balance
"""

LEDGER = """
    select
        ledger.card_id,
        ledger.store_id,
        ledger.transaction_type,
        ledger.points_delta,
        ledger.points_balance_after,
        ledger.transaction_at
    from loyalty.loyalty_transactions as ledger
    order by ledger.id
"""


@contextmanager
def raw(engine: Engine) -> Iterator[Connection]:
    """A psycopg2 connection, committed at the end."""
    pooled = engine.raw_connection()
    try:
        connection: Any = pooled.driver_connection
        yield connection
        connection.commit()
    finally:
        pooled.close()


def load(engine: Engine, replay: Replay, until: datetime) -> None:
    with raw(engine) as connection:
        load_history(connection, replay, until)


def post_events(engine: Engine, replay: Replay, after: datetime, until: datetime) -> int:
    with raw(engine) as connection:
        return post(connection, replay, after, until)


def read(engine: Engine, query: str, **binds: object) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), binds)]


def do(engine: Engine, statement: str, **binds: object) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), binds)


def count(engine: Engine, table: str) -> int:
    return int(read(engine, f"select count(*) from loyalty.{table}")[0][0])


def assert_books_agree(engine: Engine) -> None:
    assert count(engine, "loyalty_cards") > 0
    assert read(engine, CARDS_UNLIKE_THEIR_LEDGER) == []
    assert read(engine, ROWS_UNLIKE_THE_RUNNING_BALANCE) == []
