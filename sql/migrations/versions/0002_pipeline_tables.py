"""The pipeline's own tables, and the definitions its stages share."""

from include.migrations import lock_tables, run_file

revision = "0002_pipeline_tables"
down_revision = "0001_application_tables"


def upgrade() -> None:
    # As their foreign keys will.
    lock_tables(
        "share row exclusive",
        *("loyalty_transactions", "loyalty_cards", "email_logs", "loyalty_programs"),
    )
    run_file(f"{revision}/01_create_tables.sql")
    run_file(f"{revision}/02_create_views_and_functions.sql")
