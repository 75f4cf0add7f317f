"""Every invariant finds what is planted for it, nothing else, and nothing in a clean database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include.cohorts import carry_out, select_cohort
from include.errors import ReconcileError
from include.reconcile import check_names, reconcile, violations
from include.runs import RunRequest, close_run, open_run
from tests import factories
from tests.day import run_day
from tests.rows import execute, fingerprint, rows

AS_OF = "2026-01-02T02:00:00+00:00"


@pytest.fixture
def ran(engine, at):
    """Card 1 expired (100 points), card 2 warned (50), card 3 active; the run is closed."""
    at("2026-01-02T02:00:00+00:00")
    program = factories.program(engine, merchant_id=factories.merchant(engine))
    factories.card(engine, program, points=100)
    factories.card(engine, program, points=50, last_activity_at="2025-01-10T12:00:00+00:00")
    factories.card(engine, program, points=30, last_activity_at="2025-12-01T12:00:00+00:00")
    return run_day(engine, AS_OF)


def status(engine, run_id):
    statement = "select status from loyalty.expiration_runs where id = %(run_id)s"
    return rows(engine, statement, run_id=run_id)[0][0]


def reseal(engine):
    """Take the closed runs' fingerprints anew, so that only the planted check can find it."""
    execute(engine, "update loyalty.expiration_runs set digest = loyalty.run_digest(id)")


# Check, and the statements that plant its violation into `ran`.
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


def found_checks(engine, run_id=None):
    return {violation.check for violation in violations(engine, run_id)}


def test_every_check_has_a_planted_violation():
    assert tuple(PLANTED) == check_names()


@pytest.mark.parametrize(
    ("check", "statements"),
    [*PLANTED.items(), *PLANTED_TOO],
    ids=[*PLANTED, *(f"{check}-again" for check, _ in PLANTED_TOO)],
)
def test_planted_violation_is_found_by_its_check_alone(engine, ran, check, statements):
    for statement in statements:
        execute(engine, statement.replace("%", "%%"))
    if check != "11_closed_runs_never_change":
        reseal(engine)
    assert found_checks(engine) == {check}


@pytest.mark.parametrize(
    "check", sorted(set(PLANTED) - {"01_balance_is_sum_of_ledger", "02_nothing_is_negative"})
)
def test_planted_violation_stops_the_run_it_touches(engine, ran, check):
    for statement in PLANTED[check]:
        execute(engine, statement)
    with pytest.raises(ReconcileError, match=check):
        reconcile(engine, ran)


def test_cycle_expired_twice_is_found(engine, ran, at):
    factories.earn(engine, 1, 40, "2026-01-03T12:00:00+00:00")
    # 2026-01-03 + 365 days = due 2027-01-03, which is not past yet: a shorter rule.
    execute(engine, "update loyalty.loyalty_programs set points_expiration_days = 20")
    at("2026-01-24T02:00:00+00:00")
    run_day(engine, "2026-01-24T02:00:00+00:00")
    assert found_checks(engine) == set()
    execute(engine, "alter table loyalty.expirations drop constraint expirations_one_per_cycle")
    execute(
        engine,
        "update loyalty.expirations set cycle_started_at = '2025-01-01 12:00+00' where card_id = 1",
    )
    # Whoever expires one cycle twice also overlooks the activity between.
    assert found_checks(engine) >= {"03_one_expiration_per_cycle"}
    assert [
        (violation.card_id, violation.detail)
        for violation in violations(engine, None)
        if violation.check == "03_one_expiration_per_cycle"
    ] == [(1, "cycle of 2025-01-01 12:00:00+00 expired 2 times, 140 points")]


def test_clean_days_break_nothing(engine, ran, at):
    factories.earn(engine, 1, 10, "2026-01-03T12:00:00+00:00")
    factories.redeem(engine, 1, 4, "2026-01-04T12:00:00+00:00")
    factories.adjust(engine, 2, 5, "2026-01-04T12:00:00+00:00")
    factories.void(engine, 3, 5, "2026-01-04T12:00:00+00:00")
    ((transaction_id,),) = rows(engine, "select transaction_id from loyalty.expirations")
    factories.reinstate(engine, transaction_id, "2026-01-05T12:00:00+00:00")
    at("2026-01-11T02:00:00+00:00")
    run_id = run_day(engine, "2026-01-11T02:00:00+00:00")
    assert violations(engine, None) == []
    assert violations(engine, run_id) == []
    assert violations(engine, ran) == []


def test_dry_run_has_nothing_eligible_to_prove(engine, at):
    at(AS_OF)
    factories.card(engine)
    run_id = run_day(engine, AS_OF, dry_run=True)
    assert violations(engine, run_id) == []
    assert violations(engine, None) == []


def test_pipeline_that_does_nothing_is_found(engine, at):
    at(AS_OF)
    factories.card(engine)
    run_id = open_run(engine, RunRequest("checks", "idle", datetime(2026, 1, 2, 2, tzinfo=UTC)))
    with pytest.raises(ReconcileError, match="expiry of 100 points is left by run 1"):
        reconcile(engine, run_id)
    assert status(engine, run_id) == "open"


def test_cards_touched_since_the_run_began_are_not_called_left_over(engine, at):
    at(AS_OF)
    card = factories.card(engine, points=0)
    run_id = run_day(engine, AS_OF)
    # Points that arrive by adjustment in an old cycle are the next run's.
    factories.adjust(engine, card, 10, AS_OF)
    assert violations(engine, run_id) == []
    at("2026-01-03T02:00:00+00:00")
    run_day(engine, "2026-01-03T02:00:00+00:00")
    assert rows(engine, "select points from loyalty.expirations") == [(10,)]


def test_row_that_a_till_committed_after_the_expiry_may_have_a_lower_id(engine, ran):
    # The till took its id before our lock and committed after it: swap the two ids. Its 25 points
    # of 2026-01-02 02:00 stand in the ledger before the expiry, and the balance is 25.
    factories.earn(engine, 1, 25, "2026-01-02T02:00:00+00:00")
    execute(engine, "alter table loyalty.expirations drop constraint expirations_transaction_fkey")
    ((expiry, till),) = rows(
        engine,
        "select max(id) filter (where transaction_type = 'points_expired'), max(id)"
        " from loyalty.loyalty_transactions where card_id = 1",
    )
    for old, new in ((till, -1), (expiry, till), (-1, expiry)):
        execute(
            engine,
            "update loyalty.loyalty_transactions set id = %(new)s where id = %(old)s",
            old=old,
            new=new,
        )
    execute(engine, "update loyalty.expirations set transaction_id = %(till)s", till=till)
    execute(
        engine,
        "update loyalty.email_logs set occurrence_key = 'expired:' || %(till)s::text"
        " where template_code = 'loyalty_points_expired'",
        till=till,
    )
    reseal(engine)
    assert violations(engine, None) == []


def test_reconcile_counts_the_cards_it_proved_and_proves_a_closed_run_again(engine, ran):
    before = fingerprint(engine)
    # One expired, one warned; the third was not planned.
    assert reconcile(engine, ran) == 2
    assert fingerprint(engine) == before


def test_reconcile_names_ten_cards_with_amounts_and_counts_the_rest(engine, at):
    at(AS_OF)
    program = factories.program(engine)
    for _ in range(12):
        factories.card(engine, program)
    run_id = run_day(engine, AS_OF)
    execute(engine, "update loyalty.loyalty_cards set points_balance = 1")
    with pytest.raises(ReconcileError) as refusal:
        reconcile(engine, run_id)
    sentence = str(refusal.value)
    assert (
        "card 1: opening 100 + credits 0 - debits 0 - expired 100 is not closing 1 "
        "(recorded: 100) (books)"
    ) in sentence
    assert "card 10: " in sentence
    assert "card 11: " not in sentence
    # 12 cards in the books and the same 12 in check 01 = 24, of which 10 are named.
    assert sentence.endswith("; and 14 more.")


def test_failed_reconcile_leaves_the_run_open(engine, at):
    at(AS_OF)
    factories.card(engine)
    run_id = open_run(engine, RunRequest("checks", "open", datetime(2026, 1, 2, 2, tzinfo=UTC)))
    select_cohort(engine, run_id, "expiry")
    carry_out(engine, run_id, "expiry")
    execute(engine, "update loyalty.loyalty_cards set points_balance = 1")
    with pytest.raises(ReconcileError, match="stays open"):
        reconcile(engine, run_id)
    assert status(engine, run_id) == "open"
    execute(engine, "update loyalty.loyalty_cards set points_balance = 0")
    assert reconcile(engine, run_id) == 1
    assert close_run(engine, run_id)["points_expired"] == 100
