"""Mails that are claimed and mails that are under way are told apart; bounces, Reply-To."""

from include.migrations import run_file

revision = "0008_mail_handover"
down_revision = "0006_mailed_cards"


def upgrade() -> None:
    run_file(f"{revision}/01_add_columns.sql")
    run_file(f"{revision}/02_create_view.sql")
    run_file(f"{revision}/03_grant_rights.sql")
