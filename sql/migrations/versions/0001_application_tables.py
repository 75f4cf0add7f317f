"""The loyalty application's tables: created where missing, else extended and verified."""

from include.migrations import (
    create_index,
    create_unique_constraint,
    lock_tables,
    run_file,
    validate_constraints,
    verify_columns,
)

revision = "0001_application_tables"
down_revision = None


def upgrade() -> None:
    lock_tables(
        "access exclusive",
        *("loyalty_transactions", "loyalty_cards", "email_logs", "customers", "stores"),
        *("loyalty_programs", "merchants", "email_templates", "store_email_templates"),
    )
    for name in ("01_create_tables", "02_add_columns"):
        run_file(f"{revision}/{name}.sql")
    verify_columns(f"{revision}/03_verify_columns.sql")
    create_unique_constraint(
        "loyalty_programs", "loyalty_programs_id_merchant_key", "id, merchant_id"
    )
    create_unique_constraint(
        "email_templates", "email_templates_code_language_key", "code, language"
    )
    create_unique_constraint(
        "store_email_templates",
        "store_email_templates_store_code_language_key",
        "store_id, template_code, language",
    )
    create_unique_constraint("email_logs", "email_logs_occurrence_key_key", "occurrence_key")
    lock_tables("access exclusive", "loyalty_transactions", "loyalty_cards", "loyalty_programs")
    run_file(f"{revision}/04_add_constraints.sql")
    validate_constraints(
        ("loyalty_cards", "loyalty_cards_nothing_negative"),
        ("loyalty_transactions", "loyalty_transactions_nothing_negative"),
        ("loyalty_cards", "loyalty_cards_program_of_merchant_fkey"),
    )
    # The predicate keeps emptied cards out, else every run would read them again for ever.
    create_index(
        "loyalty_cards_inactivity_idx",
        "loyalty_cards (program_id, last_activity_at) where points_balance > 0",
    )
    create_index("loyalty_transactions_card_idx", "loyalty_transactions (card_id, id)")
    create_index(
        "email_logs_pending_idx",
        "email_logs (id) where status in ('queued', 'deferred', 'sending')",
    )
    create_index("email_logs_run_idx", "email_logs (run_id) where run_id is not null")
