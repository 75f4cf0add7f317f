"""Held plans with their approval, and points that are given back."""

from include.migrations import lock_tables, run_file

revision = "0004_held_and_reinstated"
down_revision = "0003_plan_without_card_locks"


def upgrade() -> None:
    lock_tables("access exclusive", "loyalty_transactions", "loyalty_cards", "loyalty_programs")
    run_file(f"{revision}/01_extend_application_tables.sql")
    run_file(f"{revision}/02_extend_pipeline_tables.sql")
    run_file(f"{revision}/03_replace_views_and_functions.sql")
