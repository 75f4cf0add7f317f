"""Mails that are claimed and mails that are under way are told apart; bounces, Reply-To."""

from include.migrations import create_index, lock_tables, run_file

revision = "0008_mail_handover"
down_revision = "0007_lifecycle_mail"


def upgrade() -> None:
    # Finds the mails of an erased customer; the application's own rows keep theirs.
    create_index(
        "email_logs_recipient_idx",
        "email_logs (customer_id) where recipient_email is not null",
    )
    lock_tables("access exclusive", "email_logs", "merchants")
    run_file(f"{revision}/01_add_columns.sql")
    run_file(f"{revision}/02_create_view.sql")
    run_file(f"{revision}/03_grant_rights.sql")
