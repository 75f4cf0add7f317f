"""Loading: whole tables into the database with COPY."""

from __future__ import annotations

import io

import pandas as pd
from psycopg2.extensions import cursor as Cursor

from include.replay.statement import statement

COLUMNS = {
    "merchants": "id name is_active",
    "stores": "id merchant_id name default_language",
    "customers": "id email first_name last_name preferred_language email_suppressed_at",
    "loyalty_programs": "id merchant_id name is_active points_expiration_days warning_days "
    "min_notice_days time_zone stamps_target",
    "loyalty_cards": "id program_id merchant_id customer_id enrolled_at_store_id card_number "
    "points_balance stamp_count total_points_earned total_points_redeemed total_points_voided "
    "last_activity_at last_expiration_warning_at is_active created_at",
    "loyalty_transactions": "id card_id merchant_id store_id transaction_type points_delta "
    "points_balance_after stamps_delta stamps_balance_after notes transaction_at",
}


def copy_rows(cursor: Cursor, table: str, rows: pd.DataFrame) -> None:
    """Copy `rows` into the table of that name; an id that is taken already fails."""
    columns = COLUMNS[table].split()
    buffer = io.StringIO(rows[columns].to_csv(index=False, header=False))
    target = f"loyalty.{table} ({', '.join(columns)})"
    cursor.copy_expert(f"copy {target} from stdin with (format csv)", buffer)


def restart_identities(cursor: Cursor, *, customers: pd.DataFrame, cards: pd.DataFrame) -> None:
    """Let later rows take ids above those loaded, and above the customers still to be enrolled."""
    highest = {
        "customer_id_max": int(customers["id"].max()),
        "card_id_max": int(cards["id"].max()),
    }
    cursor.execute(statement("01_restart_identities"), highest)
