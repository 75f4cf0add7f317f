"""The floor: COPY of the rows that an expiry writes, and one UPDATE of its cards by id."""

from __future__ import annotations

import io

from sqlalchemy import Engine

# In the order in which their foreign keys allow it.
TABLES = {
    "expiration_cohort_members": "run_id, kind, card_id, program_id, merchant_id, "
    "cycle_started_at, due_on, usable_until, points",
    "loyalty_transactions": "id, card_id, merchant_id, store_id, transaction_type, points_delta, "
    "points_balance_after, stamps_delta, stamps_balance_after, notes, transaction_at",
    "expirations": "transaction_id, card_id, cycle_started_at, due_on, usable_until, points, "
    "run_id",
    "email_logs": "id, template_code, language, card_id, customer_id, merchant_id, store_id, "
    "occurrence_key, variables, status, queued_at, run_id",
}
WRITTEN = {
    "expiration_cohort_members": "where kind = 'expiry'",
    "loyalty_transactions": "where transaction_type = 'points_expired'",
}


def read(engine: Engine) -> dict[str, io.BytesIO]:
    """Return what an expiry wrote, table by table, and the ids of its cards."""
    rows = {}
    connection = engine.raw_connection()
    try:
        for table, columns in TABLES.items():
            query = f"select {columns} from loyalty.{table} {WRITTEN.get(table, '')}"
            rows[table] = io.BytesIO()
            connection.cursor().copy_expert(f"copy ({query}) to stdout", rows[table])
    finally:
        connection.close()
    return rows


def write(engine: Engine, _run_id: int, *, rows: dict[str, io.BytesIO]) -> None:
    """Write the rows and empty the cards, in one transaction."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        for table, columns in TABLES.items():
            rows[table].seek(0)
            cursor.copy_expert(f"copy loyalty.{table} ({columns}) from stdin", rows[table])
        cursor.execute(
            "update loyalty.loyalty_cards set points_balance = 0, "
            "total_points_voided = total_points_voided + points_balance where id = any(%s)",
            (_card_ids(rows["expirations"]),),
        )
        connection.commit()
    finally:
        connection.close()


def _card_ids(expirations: io.BytesIO) -> list[int]:
    return [int(line.split(b"\t")[1]) for line in expirations.getvalue().splitlines()]
