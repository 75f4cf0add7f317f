"""Lifecycle mails: their runs, and which ledger ids are still unread."""

from include.migrations import run_file

revision = "0007_lifecycle_mail"
down_revision = "0006_mailed_cards"


def upgrade() -> None:
    run_file(f"{revision}/01_create_tables.sql")
    run_file(f"{revision}/02_grant_rights.sql")
