"""What will expire on which day, and what the pages in Airflow look up by card."""

from include.migrations import create_index, run_file

revision = "0012_expiration_forecast"
down_revision = "0010_template_fingerprints"


def upgrade() -> None:
    create_index("email_logs_card_idx", "email_logs (card_id) where card_id is not null")
    create_index("loyalty_cards_number_idx", "loyalty_cards (card_number)")
    create_index("expiration_skips_card_idx", "expiration_skips (card_id)")
    run_file(f"{revision}/01_create_view.sql")
