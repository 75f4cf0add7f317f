"""What a play begins with and how it ended, so that thousands of plays start from the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

# What sessions may change, parents first.
TABLES = (
    "merchants stores customers loyalty_programs loyalty_cards loyalty_transactions "
    "expiration_runs expiration_run_programs expiration_cohort_members expirations email_logs "
    "expiration_notices expiration_warnings expiration_skips reinstatement_members "
    "reinstatements reinstatement_skips"
).split()

# Every row that a play could have changed, by card (null: of no card), without the numbers that
# a sequence gave it: those depend on who came first, even where nothing else does.
READ_END = """
    select card_id, part || ' ' || line::text as line
    from (
        select id as card_id, 'card' as part, to_jsonb(t) as line from loyalty.loyalty_cards as t
        union all
        select card_id, 'ledger', to_jsonb(t) - 'id' from loyalty.loyalty_transactions as t
        union all
        select card_id, 'expired', to_jsonb(t) - 'transaction_id' - 'reinstated_by'
        from loyalty.expirations as t
        union all
        select card_id, 'warned', to_jsonb(t) - 'email_log_id' from loyalty.expiration_warnings as t
        union all
        select card_id, 'notice', to_jsonb(t) - 'email_log_id' from loyalty.expiration_notices as t
        union all
        select card_id, 'skip', to_jsonb(t) from loyalty.expiration_skips as t
        union all
        select card_id, 'given back', to_jsonb(t) - '{transaction_id,expiration_id}'::text[]
        from loyalty.reinstatements as t
        union all
        select card_id, 'not given back', to_jsonb(t) - 'expiration_id'
        from loyalty.reinstatement_skips as t
        union all
        select card_id, 'mail', to_jsonb(t) - '{id,occurrence_key,sender_id}'::text[]
        from loyalty.email_logs as t
        union all
        select null, 'customer', to_jsonb(t) from loyalty.customers as t
        union all
        select null, 'program', to_jsonb(t) from loyalty.loyalty_programs as t
        union all
        select null, 'run', to_jsonb(t) - 'digest' from loyalty.expiration_runs as t
    ) as rows
    order by card_id nulls first, line
"""
READ_ORDER = "select card_id, transaction_type from loyalty.loyalty_transactions order by id"


@dataclass(frozen=True)
class End:
    """How a play ended: the rows of no card and those of each card, and the ledger's id order."""

    parts: tuple[tuple[int | None, tuple[str, ...]], ...]
    ledger_order: tuple[tuple[Any, ...], ...]


class Scene:
    """The rows as they are now, to come back to after each play."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._run("create schema scene")
        for table in TABLES:
            self._run(f"create table scene.{table} as table loyalty.{table}")
        self._reset = ";".join(
            ["set local session_replication_role = replica"]
            + [f"delete from loyalty.{table}" for table in TABLES]
            + [f"insert into loyalty.{table} table scene.{table}" for table in TABLES]
        )

    def reset(self) -> None:
        """Put every row back as it was."""
        self._run(self._reset)

    def end(self) -> End:
        """Read how a play ended."""
        parts: dict[int | None, list[str]] = {}
        with self._engine.connect() as connection:
            connection.exec_driver_sql("set local timezone = 'UTC'")
            for card_id, line in connection.exec_driver_sql(READ_END):
                parts.setdefault(card_id, []).append(line)
            order = tuple(tuple(row) for row in connection.exec_driver_sql(READ_ORDER))
        return End(tuple((card, tuple(lines)) for card, lines in parts.items()), order)

    def open_runs(self) -> list[int]:
        """Return the runs that are still open."""
        with self._engine.connect() as connection:
            open_runs = "select id from loyalty.expiration_runs where status = 'open' order by id"
            return list(connection.exec_driver_sql(open_runs).scalars())

    def _run(self, statement: str) -> None:
        with self._engine.begin() as connection:
            connection.exec_driver_sql(statement)
