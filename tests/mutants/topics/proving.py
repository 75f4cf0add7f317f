"""Checks of what runs did that see nothing, or cry wolf: reports, plans, mails and files."""

from __future__ import annotations

from sqlalchemy import Engine

from include.errors import ReconcileError
from include.reconcile import reconcile, violations
from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.planting import DAY_AFTER, blind, found, run_a_day
from tests.mutants.scene import day, refusal, selected
from tests.rows import execute


def earlier_expiries_are_the_applications_own(engine: Engine) -> None:
    card = factories.card(engine, points=40)
    factories.write_ledger(
        engine, card, "points_expired", "2025-02-01T12:00Z", points=-40, total_points_voided=40
    )
    day(engine, DAY_AFTER)
    assert violations(engine, None) == []


def undecided_plan_stops_the_run(engine: Engine) -> None:
    factories.card(engine)
    run_id = selected(engine, DAY_AFTER, "expiry")
    assert "14_every_plan_has_its_deed_or_skip" in found(engine, run_id)


def books_that_do_not_add_up_stop_the_run(engine: Engine) -> None:
    run_id = run_a_day(engine)
    execute(engine, "update loyalty.loyalty_cards set points_balance = 1 where id = 1")
    assert "(books)" in refusal(ReconcileError, reconcile, engine, run_id)


MUTANTS = (
    blind(
        "10_report_equals_ledger",
        "points_of_the_report_are_not_compared",
        "or reports.points_expired <> reports.ledger_points_expired",
        "",
        "The report equals the ledger in cards and in points.",
        "update loyalty.expiration_run_programs set points_expired = 99",
        "update loyalty.expiration_runs set points_expired = 99",
    ),
    blind(
        "10_report_equals_ledger",
        "skips_of_the_report_are_not_compared",
        "or reports.cards_skipped <> reports.found_cards_skipped",
        "",
        "The report says how many were skipped.",
        "update loyalty.expiration_run_programs set expiry_cards_skipped = 1",
    ),
    Mutant(
        "expiries_before_the_first_run_are_called_strange",
        "checks/10_report_equals_ledger.sql",
        "and ledger.id > first_run.ledger_id_before",
        "",
        "What the application expired itself before us is its own business.",
        earlier_expiries_are_the_applications_own,
    ),
    blind(
        "11_closed_runs_never_change",
        "changed_runs_are_not_seen",
        "runs.digest is distinct from loyalty.run_digest(runs.id)",
        "runs.digest is null",
        "The fingerprint is compared, not only looked for.",
        "update loyalty.expiration_run_programs set history_days = 5",
    ),
    blind(
        "12_one_mail_per_occurrence",
        "missing_mails_are_not_seen",
        "where mailed_deeds.mails_total <> 1",
        "where mailed_deeds.mails_total > 1",
        "A fact without its mail is as wrong as one with two.",
        "delete from loyalty.email_logs where template_code = 'loyalty_points_expired'",
    ),
    # Opened on 26 December: its 7 days end with the run's today, 2 January.
    blind(
        "13_minimum_notice_was_given",
        "notice_a_day_short_is_not_seen",
        "notices.opened_on + run_programs.min_notice_days < run_programs.today",
        "notices.opened_on + run_programs.min_notice_days <= run_programs.today",
        "The last day of notice is a day on which the points can be used.",
        "update loyalty.expiration_run_programs set min_notice_days = 7",
        "insert into loyalty.expiration_notices select id, 1, '2025-01-01 12:00+00', 14,"
        " '2026-01-01', null, null, '2025-12-26' from loyalty.email_logs where card_id = 1",
    ),
    Mutant(
        "undecided_plans_of_an_open_run_are_not_seen",
        "checks/14_every_plan_has_its_deed_or_skip.sql",
        "(runs.status = 'closed' or runs.id = %(run_id)s::bigint) as is_decided",
        "(runs.status = 'closed') as is_decided",
        "The run to be closed is judged before it is closed.",
        undecided_plan_stops_the_run,
    ),
    blind(
        "15_the_exempt_are_untouched",
        "dry_run_that_writes_is_not_seen",
        "when runs.dry_run then 'dry run'",
        "",
        "A dry run touches nobody.",
        "update loyalty.expiration_runs set dry_run = true",
    ),
    # Due 2025-12-31, idle since, and its ledger older than the run: it should have expired.
    blind(
        "16_nothing_eligible_remains",
        "expiry_left_over_is_not_seen",
        "noticed_cards.promised_on < noticed_cards.judged_on",
        "noticed_cards.promised_on > noticed_cards.judged_on",
        "A pipeline that does nothing would pass all other checks.",
        "update loyalty.loyalty_cards set last_activity_at = '2024-12-31 12:00+00' where id = 3",
        "update loyalty.loyalty_transactions set transaction_at = '2024-12-31 12:00+00'"
        " where card_id = 3",
    ),
    # Due 2026-01-16, 14 days ahead of the run's today: the stage of that day.
    blind(
        "16_nothing_eligible_remains",
        "warning_left_over_is_not_seen",
        "noticed_cards.stage_days is not null\n",
        "noticed_cards.stage_days is null\n",
        "A customer who was never warned is what the owners fear.",
        "update loyalty.loyalty_cards set last_activity_at = '2025-01-16 12:00+00' where id = 3",
        "update loyalty.loyalty_transactions set transaction_at = '2025-01-16 12:00+00'"
        " where card_id = 3",
    ),
    blind(
        "17_files_equal_deeds",
        "points_of_a_file_are_not_compared",
        "or exports.points_total <> coalesce(sums.points_total, 0)",
        "",
        "A file holds the points that were expired, not only the rows.",
        "insert into loyalty.cohort_exports values"
        " (1, 'expiry', 'manifest.json', '', 1, 1, 99, '2026-01-02 02:00+00')",
    ),
    blind(
        "18_no_name_in_mail_log",
        "addresses_in_capitals_are_not_seen",
        "lower(texts.line) as line",
        "texts.line as line",
        "A mail server quotes an address as it likes.",
        "update loyalty.email_logs as mails set error_message = '550 <' || upper(email) || '>'"
        " from loyalty.customers where customers.id = mails.customer_id",
        file="migrations/0017_names_and_zones/02_replace_view.sql",
    ),
    Mutant(
        "books_are_always_proven",
        "reconcile/01_prove_books.sql",
        "where not closed_books.is_proven",
        "where closed_books.is_proven is null",
        "A proof that cannot fail proves nothing.",
        books_that_do_not_add_up_stop_the_run,
    ),
)
