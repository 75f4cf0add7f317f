"""The run and its report: who takes part, what is counted, and that it closes once."""

from __future__ import annotations

from sqlalchemy import Engine

from include.cohorts import carry_out, select_cohort
from include.reconcile import reconcile, violations
from include.runs import close_run, read_report
from tests import factories
from tests.mutants.mutant import Equivalent, Mutant
from tests.mutants.scene import change, day, selected
from tests.rows import balance, rows

SNAPSHOT = "open_run/03_snapshot_programs.sql"
COUNT = "close_run/02_count_programs.sql"
CLOSE = "close_run/03_close_run.sql"
BOOKS = "reconcile/01_prove_books.sql"
DAY_AFTER = "2026-01-02"


def exempt_programs_take_no_part_and_say_why(engine: Engine) -> None:
    inactive_merchant = factories.merchant(engine, is_active=False)
    expected = {
        factories.program(engine, merchant_id=inactive_merchant): "merchant_inactive",
        factories.program(engine, is_active=False): "program_inactive",
        factories.program(engine, points_expiration_days=None): "never_expires",
        factories.program(engine, points_expiration_days=0): "never_expires",
        factories.program(engine, points_expiration_days=36501): "never_expires",
        factories.program(engine, time_zone="Europe/Luxemburg"): "unknown_time_zone",
        factories.program(engine, time_zone="europe/luxembourg"): None,
    }
    cards = [factories.card(engine, program) for program in expected]
    run_id = day(engine, DAY_AFTER)
    found = {row["program_id"]: row["exempt_reason"] for row in read_report(engine, run_id)}
    assert found == expected
    assert [balance(engine, card) for card in cards] == [100] * 6 + [0]


def report_counts_what_was_planned_done_and_skipped(engine: Engine) -> None:
    program = factories.program(engine)
    factories.program(engine, is_active=False)
    # Due: 10, 20 and 30 points; to be warned: 40 and 50. One of each changes before the deed.
    for points in (10, 20, 30):
        factories.card(engine, program, points=points)
    for points in (40, 50):
        factories.card(engine, program, points=points, last_activity_at="2025-01-10T12:00Z")
    run_id = selected(engine, DAY_AFTER, "warning")
    select_cohort(engine, run_id, "expiry")
    change(engine, "loyalty_cards", where="id in (3, 5)", is_active=False)
    warned = carry_out(engine, run_id, "warning")
    expired = carry_out(engine, run_id, "expiry")
    assert vars(warned) == {"cards_done": 1, "points_done": 40, "cards_skipped": 1}
    assert vars(expired) == {"cards_done": 2, "points_done": 30, "cards_skipped": 1}
    close_run(engine, run_id)
    figures = """
        select warning_cards_planned, warning_points_planned, warning_cards_queued,
            warning_cards_skipped, expiry_cards_planned, expiry_points_planned, cards_expired,
            points_expired, expiry_cards_skipped
        from loyalty.{table}
    """
    expected = (2, 90, 1, 1, 3, 60, 2, 30, 1)
    assert rows(engine, figures.format(table="expiration_runs")) == [expected]
    of_programs = rows(engine, figures.format(table="expiration_run_programs order by program_id"))
    assert of_programs == [expected, (0,) * 9]
    totals = "select programs_total, programs_exempt from loyalty.expiration_runs"
    assert rows(engine, totals) == [(2, 1)]


def skips_are_counted_by_their_kind(engine: Engine) -> None:
    factories.card(engine)
    run_id = selected(engine, DAY_AFTER, "expiry")
    change(engine, "loyalty_cards", is_active=False)
    carry_out(engine, run_id, "expiry")
    close_run(engine, run_id)
    counted = "select warning_cards_skipped, expiry_cards_skipped from loyalty.expiration_runs"
    assert rows(engine, counted) == [(0, 1)]
    assert carry_out(engine, run_id, "warning").cards_skipped == 0


def closing_again_changes_nothing(engine: Engine) -> None:
    factories.card(engine)
    run_id = day(engine, DAY_AFTER)
    closed = rows(engine, "select r::text from loyalty.expiration_runs as r")
    change(engine, "loyalty_programs", points_expiration_days=400)
    close_run(engine, run_id)
    assert rows(engine, "select r::text from loyalty.expiration_runs as r") == closed


def closed_run_carries_its_fingerprint(engine: Engine) -> None:
    factories.card(engine)
    day(engine, DAY_AFTER)
    sealed = "select digest = loyalty.run_digest(id) from loyalty.expiration_runs"
    assert rows(engine, sealed) == [(True,)]


def idle_pipeline_is_found(engine: Engine) -> None:
    factories.card(engine)
    run_id = selected(engine, DAY_AFTER, "warning")
    found = {violation.check for violation in violations(engine, run_id)}
    assert found == {"16_nothing_eligible_remains"}


def sales_during_the_run_belong_to_the_books(engine: Engine) -> None:
    program = factories.program(engine)
    sold_to, idle = (factories.card(engine, program) for _ in range(2))
    run_id = selected(engine, DAY_AFTER, "expiry")
    factories.earn(engine, sold_to, 5, "2026-01-02T02:00Z")
    factories.redeem(engine, sold_to, 30, "2026-01-02T02:00Z")
    carry_out(engine, run_id, "expiry")
    assert reconcile(engine, run_id) == 2
    assert (balance(engine, sold_to), balance(engine, idle)) == (75, 0)


MUTANTS = (
    Mutant(
        "inactive_merchants_take_part",
        SNAPSHOT,
        "when merchants.is_active is not true then 'merchant_inactive'",
        "",
        "Inactive merchants are never touched, and the report says so.",
        exempt_programs_take_no_part_and_say_why,
    ),
    Mutant(
        "inactive_programs_take_part",
        SNAPSHOT,
        "when programs.is_active is not true then 'program_inactive'",
        "",
        "Inactive programs are never touched, and the report says so.",
        exempt_programs_take_no_part_and_say_why,
    ),
    Mutant(
        "programs_without_days_take_part",
        SNAPSHOT,
        "when coalesce(programs.points_expiration_days, 0) not between 1 and 36500",
        "when programs.points_expiration_days not between 1 and 36500",
        "No days mean that the points never expire.",
        exempt_programs_take_no_part_and_say_why,
    ),
    Mutant(
        "programs_of_zero_days_take_part",
        SNAPSHOT,
        "not between 1 and 36500",
        "not between 0 and 36500",
        "Zero days mean that the points never expire.",
        exempt_programs_take_no_part_and_say_why,
    ),
    Mutant(
        "programs_of_a_century_take_part",
        SNAPSHOT,
        "not between 1 and 36500",
        "not between 1 and 36501",
        "Beyond a hundred years nobody means an expiry.",
        exempt_programs_take_no_part_and_say_why,
    ),
    Mutant(
        "unknown_time_zone_stops_everybody",
        SNAPSHOT,
        "when zones.name is null then 'unknown_time_zone'",
        "",
        "One program's typo must not stop the others.",
        exempt_programs_take_no_part_and_say_why,
    ),
    Mutant(
        "time_zone_in_small_letters_is_unknown",
        SNAPSHOT,
        "where loyalty.is_time_zone(named_zones.time_zone)",
        "where named_zones.time_zone in (select name from pg_timezone_names)",
        "The database knows a zone in any spelling.",
        exempt_programs_take_no_part_and_say_why,
    ),
    Mutant(
        "report_counts_the_plan_as_done",
        COUNT,
        "count(outcomes.points_expired) as cards_expired",
        "count(*) as cards_expired",
        "Cards expired are those that an expiration stands for.",
        report_counts_what_was_planned_done_and_skipped,
    ),
    Mutant(
        "report_plans_warnings_as_expiries",
        COUNT,
        "count(*) filter (where outcomes.kind = 'expiry') as expiry_cards_planned",
        "count(*) as expiry_cards_planned",
        "Warnings and expiries are two cohorts.",
        report_counts_what_was_planned_done_and_skipped,
    ),
    Mutant(
        "report_takes_planned_points_for_expired",
        COUNT,
        "coalesce(sum(outcomes.points_expired), 0) as points_expired",
        "coalesce(sum(outcomes.points_planned), 0) as points_expired",
        "Points expired are what the ledger says.",
        report_counts_what_was_planned_done_and_skipped,
    ),
    Mutant(
        "report_takes_skipped_expiries_for_warnings",
        COUNT,
        "outcomes.kind = 'warning' and outcomes.is_skipped and not outcomes.is_queued",
        "outcomes.kind = 'expiry' and outcomes.is_skipped and not outcomes.is_queued",
        "A skip belongs to its kind.",
        skips_are_counted_by_their_kind,
    ),
    Mutant(
        "deeds_count_the_other_kinds_skips",
        "count_deeds/01_count_deeds.sql",
        "and skips.kind = %(kind)s::text",
        "",
        "A skip belongs to its kind.",
        skips_are_counted_by_their_kind,
    ),
    Mutant(
        "every_program_is_called_exempt",
        CLOSE,
        "count(run_programs.exempt_reason) as programs_exempt",
        "count(*) as programs_exempt",
        "Exempt are those with a reason.",
        report_counts_what_was_planned_done_and_skipped,
    ),
    Mutant(
        "closed_report_is_counted_again",
        COUNT,
        "and runs.status = 'open'",
        "",
        "A closed run never changes.",
        closing_again_changes_nothing,
    ),
    Mutant(
        "closed_run_is_closed_again",
        CLOSE,
        "and runs.status = 'open'",
        "",
        "A closed run never changes.",
        closing_again_changes_nothing,
    ),
    Mutant(
        "run_closes_without_a_fingerprint",
        CLOSE,
        "digest = loyalty.run_digest(runs.id)",
        "digest = null",
        "Without it nobody could tell that a closed run was changed.",
        closed_run_carries_its_fingerprint,
    ),
    Mutant(
        "run_takes_the_whole_ledger_for_its_own",
        "open_run/01_insert_run.sql",
        "coalesce((select max(ledger.id) from loyalty.loyalty_transactions as ledger), 0)",
        "0",
        "Every card would count as touched since the run began, and nothing as left over.",
        idle_pipeline_is_found,
    ),
    Mutant(
        "books_subtract_what_was_earned",
        BOOKS,
        "+ books.points_credited - books.points_debited",
        "- books.points_credited - books.points_debited",
        "Opening plus credits minus debits minus expired is closing.",
        sales_during_the_run_belong_to_the_books,
    ),
    Mutant(
        "books_add_what_was_redeemed",
        BOOKS,
        "+ books.points_credited - books.points_debited",
        "+ books.points_credited + books.points_debited",
        "Opening plus credits minus debits minus expired is closing.",
        sales_during_the_run_belong_to_the_books,
    ),
    Mutant(
        "books_add_what_expired",
        BOOKS,
        "- books.points_debited - books.points_expired",
        "- books.points_debited + books.points_expired",
        "Opening plus credits minus debits minus expired is closing.",
        sales_during_the_run_belong_to_the_books,
    ),
)

EQUIVALENT = (
    Equivalent(
        "open_attempt_is_opened_again",
        "open_run/01_insert_run.sql",
        "having not coalesce(bool_or(previous.status = 'open'), false)\n",
        "",
        "The index expiration_runs_one_open_idx stops the second open row, and `on conflict` that.",
    ),
)
