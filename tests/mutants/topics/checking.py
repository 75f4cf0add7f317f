"""Checks that see nothing, or cry wolf: each invariant finds what is planted, and only that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from include.errors import ReconcileError
from include.reconcile import reconcile, violations
from tests import factories
from tests.mutants.mutant import Example, Mutant
from tests.mutants.scene import day, refusal, selected
from tests.rows import execute, rows

DAY_AFTER = "2026-01-02"


def run_a_day(engine: Engine) -> int:
    """Card 1 expires (100 points), card 2 is warned (50), card 3 is active (30)."""
    program = factories.program(engine)
    factories.card(engine, program, points=100)
    factories.card(engine, program, points=50, last_activity_at="2025-01-10T12:00Z")
    factories.card(engine, program, points=30, last_activity_at="2025-12-01T12:00Z")
    return day(engine, DAY_AFTER)


def found(engine: Engine, run_id: int | None = None) -> set[str]:
    return {violation.check for violation in violations(engine, run_id)}


def reseal(engine: Engine) -> None:
    """Take the fingerprints anew, so that only the planted check can find it."""
    execute(engine, "update loyalty.expiration_runs set digest = loyalty.run_digest(id)")


def planted(name: str, check: str, *statements: str) -> Example:
    """After a day somebody plants a violation; its check finds it, and no other does."""

    def example(engine: Engine) -> None:
        run_a_day(engine)
        for statement in statements:
            execute(engine, statement)
        if not check.startswith("11"):
            reseal(engine)
        assert found(engine) == {check}

    example.__name__ = f"finds_{name}"
    return example


def clean_days_break_nothing(engine: Engine) -> None:
    run_a_day(engine)
    factories.earn(engine, 1, 10, "2026-01-03T12:00Z")
    factories.void(engine, 3, 5, "2026-01-04T12:00Z")
    ((transaction_id,),) = rows(engine, "select transaction_id from loyalty.expirations")
    factories.reinstate(engine, transaction_id, "2026-01-05T12:00Z")
    day(engine, "2026-01-11")
    assert violations(engine, None) == []


def earlier_expiries_are_the_applications_own(engine: Engine) -> None:
    card = factories.card(engine, points=40)
    factories.write_ledger(
        engine, card, "points_expired", "2025-02-01T12:00Z", points=-40, total_points_voided=40
    )
    day(engine, DAY_AFTER)
    assert violations(engine, None) == []


@contextmanager
def without_constraint(engine: Engine, table: str, name: str) -> Iterator[None]:
    (definition,) = rows(
        engine, "select pg_get_constraintdef(oid) from pg_constraint where conname = %(n)s", n=name
    )[0]
    execute(engine, f"alter table loyalty.{table} drop constraint {name}")
    try:
        yield
    finally:
        added = f"alter table loyalty.{table} add constraint {name} {definition}"
        execute(engine, added.removesuffix(" NOT VALID") + " not valid")


def one_negative_figure_is_found(engine: Engine) -> None:
    run_a_day(engine)
    with without_constraint(engine, "loyalty_cards", "loyalty_cards_nothing_negative"):
        execute(engine, "update loyalty.loyalty_cards set total_points_redeemed = -1 where id = 3")
        assert found(engine) == {"02_nothing_is_negative"}


def undecided_plan_stops_the_run(engine: Engine) -> None:
    factories.card(engine)
    run_id = selected(engine, DAY_AFTER, "expiry")
    assert "14_every_plan_has_its_deed_or_skip" in found(engine, run_id)


def books_that_do_not_add_up_stop_the_run(engine: Engine) -> None:
    run_id = run_a_day(engine)
    execute(engine, "update loyalty.loyalty_cards set points_balance = 1 where id = 1")
    assert "(books)" in refusal(ReconcileError, reconcile, engine, run_id)


def blind(
    check: str, name: str, text: str, wrong: str, why: str, *statements: str, file: str = ""
) -> Mutant:
    """A check that does not see what the statements plant."""
    return Mutant(
        name, file or f"checks/{check}.sql", text, wrong, why, planted(name, check, *statements)
    )


MUTANTS = (
    blind(
        "01_balance_is_sum_of_ledger",
        "only_missing_points_are_seen",
        "cards.points_balance <> ledger_sums.points_total",
        "cards.points_balance < ledger_sums.points_total",
        "A balance above its ledger is as wrong as one below.",
        "update loyalty.loyalty_cards set points_balance = 31 where id = 3",
    ),
    Mutant(
        "all_figures_must_be_negative",
        "checks/02_nothing_is_negative.sql",
        "least(\n        cards.points_balance",
        "greatest(\n        cards.points_balance",
        "One negative figure is enough.",
        one_negative_figure_is_found,
    ),
    blind(
        "03_one_expiration_per_cycle",
        "amount_of_the_ledger_row_is_not_compared",
        "or ledger.points_delta <> -expirations.points",
        "",
        "An expiration and its ledger row are about the same points.",
        "update loyalty.expirations set points = 101 where card_id = 1",
    ),
    blind(
        "04_balance_is_zero_after_expiry",
        "points_left_by_an_expiry_are_not_seen",
        "or running_balances.points_left + running_balances.points_debited_meanwhile > 0",
        "",
        "An expiry takes everything.",
        "update loyalty.loyalty_transactions set points_delta = points_delta + 5"
        " where card_id = 1 and transaction_type = 'points_earned'",
        "insert into loyalty.loyalty_transactions (card_id, merchant_id, transaction_type,"
        " points_delta, transaction_at)"
        " values (1, 1, 'points_adjusted', -5, '2026-01-02 02:00+00')",
    ),
    blind(
        "05_no_activity_before_expiry",
        "activity_of_the_last_day_is_not_seen",
        "interval '1 minute'",
        "interval '1 day'",
        "A purchase of the evening before ends the cycle.",
        "update loyalty.loyalty_transactions set transaction_at = '2026-01-01 12:00+00'"
        " where card_id = 1 and transaction_type = 'points_earned'",
    ),
    # 2025-01-01 + 366 days = 2026-01-02, which is the run's today.
    blind(
        "06_nothing_expired_early",
        "expiry_on_the_last_day_is_not_seen",
        ">= promised_expiries.today",
        "> promised_expiries.today",
        "Points may be used until the end of their last local day.",
        "update loyalty.expiration_run_programs set points_expiration_days = 366",
    ),
    blind(
        "07_rows_belong_to_their_merchant",
        "rows_of_a_later_merchant_are_not_seen",
        "where owned_rows.merchant_id <> cards.merchant_id",
        "where owned_rows.merchant_id < cards.merchant_id",
        "Any other merchant is the wrong one.",
        "insert into loyalty.merchants (name) values ('Another')",
        "update loyalty.loyalty_transactions set merchant_id = 2 where card_id = 2",
    ),
    blind(
        "08_expiry_moves_no_activity",
        "activity_that_vanished_is_not_seen",
        "cards.last_activity_at is distinct from latest_cycles.cycle_started_at",
        "cards.last_activity_at <> latest_cycles.cycle_started_at",
        "Null is another instant, too.",
        "update loyalty.loyalty_cards set last_activity_at = null where id = 1",
    ),
    Mutant(
        "reinstated_points_count_as_voided",
        "checks/09_voided_total_is_sum_of_ledger.sql",
        "'points_expired', 'points_voided', 'points_reinstated'",
        "'points_expired', 'points_voided'",
        "The voided total is net of what came back.",
        clean_days_break_nothing,
    ),
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
        file="migrations/0005_roles/02_create_owners_views.sql",
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
