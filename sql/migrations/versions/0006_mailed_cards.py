"""A sender locks the cards that its mails speak of."""

from include.migrations import run_file

revision = "0006_mailed_cards"
down_revision = "0005_roles"


def upgrade() -> None:
    run_file(f"{revision}/01_create_function.sql")
    run_file(f"{revision}/02_grant_rights.sql")
