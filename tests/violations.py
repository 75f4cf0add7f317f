"""A day without a fault, and the statements that break each invariant on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from tests import factories
from tests.day import run_day

AS_OF = "2026-01-02T02:00:00+00:00"


def day_to_break(engine: Engine, at: Callable[[str], datetime]) -> int:
    """Card 1 expired (100 points), card 2 warned (50), card 3 active; the run is closed."""
    at(AS_OF)
    program = factories.program(engine, merchant_id=factories.merchant(engine))
    factories.card(engine, program, points=100)
    factories.card(engine, program, points=50, last_activity_at="2025-01-10T12:00:00+00:00")
    factories.card(engine, program, points=30, last_activity_at="2025-12-01T12:00:00+00:00")
    return run_day(engine, AS_OF)


# Check, and the statements that plant its violation into the rows of that day.
PLANTED = {
    "01_balance_is_sum_of_ledger": [
        "update loyalty.loyalty_cards set points_balance = 31 where id = 3",
    ],
    "02_nothing_is_negative": [
        "alter table loyalty.loyalty_cards drop constraint loyalty_cards_nothing_negative",
        "update loyalty.loyalty_cards set total_points_redeemed = -1 where id = 3",
    ],
    "03_one_expiration_per_cycle": [
        "update loyalty.expirations set points = 101 where card_id = 1",
    ],
    # The row before the expiry (card_created, 0 points) takes 5 from the one after it.
    "04_balance_is_zero_after_expiry": [
        "update loyalty.loyalty_transactions set points_delta = points_delta + 5"
        " where card_id = 1 and transaction_type = 'points_earned'",
        "insert into loyalty.loyalty_transactions (card_id, merchant_id, transaction_type,"
        " points_delta, transaction_at)"
        " values (1, 1, 'points_adjusted', -5, '2026-01-02 02:00+00')",
    ],
    "05_no_activity_before_expiry": [
        "update loyalty.loyalty_transactions set transaction_at = '2026-01-01 12:00+00'"
        " where card_id = 1 and transaction_type = 'points_earned'",
    ],
    # 2025-01-01 + 366 days = 2026-01-02, which is the run's today.
    "06_nothing_expired_early": [
        "update loyalty.expiration_run_programs set points_expiration_days = 366",
    ],
    "07_rows_belong_to_their_merchant": [
        "insert into loyalty.merchants (name) values ('Another')",
        "update loyalty.loyalty_transactions set merchant_id = 2 where card_id = 2",
    ],
    "08_expiry_moves_no_activity": [
        "update loyalty.loyalty_cards set last_activity_at = '2026-01-02 02:00+00' where id = 1",
    ],
    "09_voided_total_is_sum_of_ledger": [
        "update loyalty.loyalty_cards set total_points_voided = 99 where id = 1",
    ],
    "10_report_equals_ledger": [
        "update loyalty.expiration_run_programs set points_expired = 99",
        "update loyalty.expiration_runs set points_expired = 99",
    ],
    "11_closed_runs_never_change": [
        "update loyalty.expiration_run_programs set cards_without_activity = 7",
    ],
    "12_one_mail_per_occurrence": [
        "delete from loyalty.email_logs where template_code = 'loyalty_points_expired'",
    ],
    "13_minimum_notice_was_given": [
        "update loyalty.expiration_run_programs set min_notice_days = 7",
    ],
    "14_every_plan_has_its_deed_or_skip": [
        "insert into loyalty.expiration_cohort_members select run_id, kind, 3, program_id,"
        " merchant_id, cycle_started_at, due_on, usable_until, stage_days, points"
        " from loyalty.expiration_cohort_members where card_id = 1",
    ],
    "15_the_exempt_are_untouched": [
        "update loyalty.expiration_run_programs set exempt_reason = 'program_inactive'",
    ],
    # Due 2025-12-31, idle since, and its ledger older than the run: it should have expired.
    "16_nothing_eligible_remains": [
        "update loyalty.loyalty_cards set last_activity_at = '2024-12-31 12:00+00' where id = 3",
        "update loyalty.loyalty_transactions set transaction_at = '2024-12-31 12:00+00'"
        " where card_id = 3",
    ],
    "17_files_equal_deeds": [
        "insert into loyalty.cohort_exports values"
        " (1, 'expiry', 'manifest.json', '', 1, 1, 99, '2026-01-02 02:00+00')",
    ],
    "18_no_name_in_mail_log": [
        'update loyalty.email_logs set variables = variables || \'{"greeting": "Moien Camille!"}\'',
    ],
}  # fmt: skip

# More ways to break the same rules: (check, statements).
PLANTED_TOO = [
    (
        "02_nothing_is_negative",
        [
            "alter table loyalty.loyalty_transactions"
            " drop constraint loyalty_transactions_nothing_negative",
            "update loyalty.loyalty_transactions set points_balance_after = -1 where card_id = 3",
        ],
    ),
    (
        "03_one_expiration_per_cycle",
        [
            "update loyalty.loyalty_transactions set transaction_type = 'points_voided'"
            " where transaction_type = 'points_expired'",
        ],
    ),
    (
        "04_balance_is_zero_after_expiry",
        [
            "update loyalty.loyalty_transactions set points_balance_after = 7"
            " where transaction_type = 'points_expired'",
        ],
    ),
    (
        "06_nothing_expired_early",
        [
            "insert into loyalty.email_logs (template_code, language, card_id, status, sent_at)"
            " values ('loyalty_points_expiring', 'en', 1, 'sent', '2026-01-01 02:00+00')",
            "insert into loyalty.expiration_notices select max(id), 1, '2025-01-01 12:00+00', 14,"
            " '2026-01-01', '2026-01-02', '2026-01-02' from loyalty.email_logs",
        ],
    ),
    (
        "07_rows_belong_to_their_merchant",
        [
            "insert into loyalty.merchants (name) values ('Another')",
            "update loyalty.expiration_runs set merchant_ids = '{2}'",
        ],
    ),
    (
        "07_rows_belong_to_their_merchant",
        [
            "insert into loyalty.merchants (name) values ('Another')",
            "update loyalty.email_logs set merchant_id = 2 where card_id = 2",
        ],
    ),
    (
        "08_expiry_moves_no_activity",
        ["update loyalty.loyalty_cards set last_activity_at = null where id = 1"],
    ),
    (
        "10_report_equals_ledger",
        ["update loyalty.expiration_runs set cards_expired = 2"],
    ),
    (
        "10_report_equals_ledger",
        [
            "insert into loyalty.loyalty_transactions (card_id, merchant_id, transaction_type,"
            " points_delta, transaction_at)"
            " values (3, 1, 'points_expired', -30, '2026-01-02 02:00+00')",
            "update loyalty.loyalty_cards set points_balance = 0, total_points_voided = 30"
            " where id = 3",
        ],
    ),
    (
        "12_one_mail_per_occurrence",
        ["update loyalty.email_logs set status = 'lost' where card_id = 2"],
    ),
    (
        "12_one_mail_per_occurrence",
        ["update loyalty.email_logs set status = 'sending' where card_id = 2"],
    ),
    (
        "12_one_mail_per_occurrence",
        [
            "insert into loyalty.email_logs (template_code, language, card_id, occurrence_key,"
            " run_id) values ('loyalty_points_expired', 'en', 3, 'expired:0', 1)",
        ],
    ),
    (
        "14_every_plan_has_its_deed_or_skip",
        [
            "insert into loyalty.expiration_skips values"
            " (1, 'warning', 2, 'emptied', '2026-01-02 02:00+00')",
        ],
    ),
    (
        "14_every_plan_has_its_deed_or_skip",
        [
            "update loyalty.expiration_warnings set card_id = 3",
            "update loyalty.email_logs set occurrence_key = replace(occurrence_key, ':2:', ':3:')",
            "insert into loyalty.expiration_skips values"
            " (1, 'warning', 2, 'emptied', '2026-01-02 02:00+00')",
            "update loyalty.expiration_run_programs"
            " set warning_cards_skipped = 1, warning_cards_queued = 0",
            "update loyalty.expiration_runs set warning_cards_queued = 0",
        ],
    ),
    # Due 2026-01-16, 14 days ahead of the run's today: the stage of that day.
    (
        "16_nothing_eligible_remains",
        [
            "update loyalty.loyalty_cards set last_activity_at = '2025-01-16 12:00+00'"
            " where id = 3",
            "update loyalty.loyalty_transactions set transaction_at = '2025-01-16 12:00+00'"
            " where card_id = 3",
        ],
    ),
    (
        "18_no_name_in_mail_log",
        [
            "update loyalty.email_logs as mails set error_message = '550 <' || upper(email) || '>'"
            " from loyalty.customers where customers.id = mails.customer_id",
        ],
    ),
]
