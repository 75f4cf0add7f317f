"""Reads rows back, as literals that a test can compare."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine


def rows(engine: Engine, statement: str, **binds: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query; instants come in UTC."""
    with engine.connect() as connection:
        connection.exec_driver_sql("set local timezone = 'UTC'")
        return [tuple(row) for row in connection.exec_driver_sql(statement, binds)]


def execute(engine: Engine, statement: str, **binds: Any) -> None:
    """Change rows as somebody outside the pipeline would."""
    with engine.begin() as connection:
        connection.exec_driver_sql(statement, binds)


def balance(engine: Engine, card_id: int) -> int:
    statement = "select points_balance from loyalty.loyalty_cards where id = %(card_id)s"
    return int(rows(engine, statement, card_id=card_id)[0][0])


def skips(engine: Engine, run_id: int) -> list[tuple[str, int, str]]:
    """Return kind, card and reason of every skip of a run."""
    statement = """
        select kind, card_id, reason from loyalty.expiration_skips
        where run_id = %(run_id)s order by kind, card_id
    """
    return rows(engine, statement, run_id=run_id)


def fingerprint(engine: Engine) -> list[tuple[Any, ...]]:
    """Return every row of every table that a run could touch, to show that nothing changed."""
    tables = (
        "merchants loyalty_programs loyalty_cards loyalty_transactions email_logs expiration_runs "
        "expiration_run_programs expiration_cohort_members expirations expiration_warnings "
        "expiration_notices expiration_skips"
    ).split()
    return [
        (table, *row)
        for table in tables
        for row in rows(engine, f"select t::text from loyalty.{table} as t order by 1")
    ]
