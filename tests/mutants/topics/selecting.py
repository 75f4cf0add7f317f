"""Who is planned for an expiry: the right cards of the right program."""

from __future__ import annotations

from sqlalchemy import Engine

from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.scene import day, planned, selected
from tests.rows import balance, rows

SELECT_EXPIRY = "select_expiry/01_plan_cohort.sql"
SNAPSHOT = "open_run/03_snapshot_programs.sql"

# 2025-01-01 + 365 days: due on 1 January 2026; the stage of 14 days falls on 18 December.
STAGE_DAY = "2025-12-18"
DAY_AFTER = "2026-01-02"


def programs_of_a_merchant_keep_their_own_days(engine: Engine) -> None:
    merchant = factories.merchant(engine)
    factories.program(engine, merchant_id=merchant, points_expiration_days=30)
    long = factories.program(engine, merchant_id=merchant, points_expiration_days=365)
    factories.card(engine, long, last_activity_at="2025-12-20T12:00Z")
    # By 30 days: due on 19 January, warned 14 days before.
    assert planned(engine, selected(engine, "2026-01-10", "warning"), "warning") == []
    assert planned(engine, selected(engine, "2026-01-25", "expiry")) == []


def inactive_and_emptied_cards_are_not_planned(engine: Engine) -> None:
    program = factories.program(engine)
    factories.card(engine, program, is_active=False)
    factories.card(engine, program, points=0)
    assert planned(engine, selected(engine, STAGE_DAY, "warning"), "warning") == []
    assert planned(engine, selected(engine, DAY_AFTER, "expiry")) == []


def card_without_activity_is_counted_and_never_due(engine: Engine) -> None:
    program = factories.program(engine)
    # Null and some program's zero tell of no activity; a card without points has nothing to lose.
    for points, active_at in ((100, None), (0, None), (100, "1970-01-01T00:00Z")):
        factories.card(engine, program, points=points, last_activity_at=active_at)
    run_id = selected(engine, DAY_AFTER, "expiry")
    assert planned(engine, run_id) == []
    counted = "select cards_without_activity from loyalty.expiration_run_programs"
    assert rows(engine, counted) == [(2,)]


def long_programs_do_not_warn_of_a_zero(engine: Engine) -> None:
    # 1 January 1970 + 20454 days = 1 January 2026.
    program = factories.program(engine, points_expiration_days=20454)
    factories.card(engine, program, last_activity_at="1970-01-01T00:00Z")
    assert planned(engine, selected(engine, STAGE_DAY, "warning"), "warning") == []


def expired_cycle_is_not_planned_again(engine: Engine) -> None:
    card = factories.card(engine)
    day(engine, DAY_AFTER)
    factories.adjust(engine, card, 50, "2026-01-02T09:00Z")
    assert planned(engine, selected(engine, "2026-01-10", "expiry")) == []


def run_for_one_merchant_leaves_the_others_alone(engine: Engine) -> None:
    ours = factories.merchant(engine)
    our_card = factories.card(engine, factories.program(engine, merchant_id=ours))
    their_card = factories.card(engine)
    day(engine, DAY_AFTER, merchant_ids=(ours,))
    assert (balance(engine, our_card), balance(engine, their_card)) == (0, 100)


MUTANTS = (
    Mutant(
        "expiry_mixes_programs_of_a_merchant",
        SELECT_EXPIRY,
        "candidates.program_id = programs.program_id",
        "candidates.merchant_id = programs.merchant_id",
        "Each program has days of its own.",
        programs_of_a_merchant_keep_their_own_days,
    ),
    Mutant(
        "warning_mixes_programs_of_a_merchant",
        "select_warnings/01_plan_cohort.sql",
        "candidates.program_id = programs.program_id",
        "candidates.merchant_id = programs.merchant_id",
        "Each program has days and stages of its own.",
        programs_of_a_merchant_keep_their_own_days,
    ),
    Mutant(
        "inactive_cards_are_planned_for_expiry",
        SELECT_EXPIRY,
        "and candidates.is_active",
        "",
        "Inactive cards are never touched, and not planned for either.",
        inactive_and_emptied_cards_are_not_planned,
    ),
    Mutant(
        "inactive_cards_are_planned_for_a_warning",
        "select_warnings/01_plan_cohort.sql",
        "and candidates.is_active",
        "",
        "Inactive cards are never touched, and not planned for either.",
        inactive_and_emptied_cards_are_not_planned,
    ),
    Mutant(
        "emptied_cards_are_planned",
        SELECT_EXPIRY,
        "and candidates.points_balance > 0",
        "",
        "A card without points has nothing to expire.",
        inactive_and_emptied_cards_are_not_planned,
    ),
    Mutant(
        "null_activity_is_taken_for_ancient",
        SELECT_EXPIRY,
        "candidates.last_activity_at,\n            candidates.points_balance",
        "coalesce(candidates.last_activity_at, 'epoch') as last_activity_at,\n"
        "            candidates.points_balance",
        "A card that was never active is counted, not expired.",
        card_without_activity_is_counted_and_never_due,
        also=(
            ("and candidates.last_activity_at > '1970-01-01 00:00:00+00'", ""),
            (
                "and candidates.last_activity_at < ",
                "and coalesce(candidates.last_activity_at, 'epoch') < ",
            ),
        ),
    ),
    Mutant(
        "zero_is_taken_for_an_activity",
        SELECT_EXPIRY,
        "and candidates.last_activity_at > '1970-01-01 00:00:00+00'",
        "",
        "Some program's zero is no activity.",
        card_without_activity_is_counted_and_never_due,
    ),
    Mutant(
        "zero_is_warned_of",
        "select_warnings/01_plan_cohort.sql",
        "and candidates.last_activity_at > '1970-01-01 00:00:00+00'",
        "",
        "Some program's zero is no activity.",
        long_programs_do_not_warn_of_a_zero,
    ),
    Mutant(
        "zero_is_not_counted_as_no_activity",
        SNAPSHOT,
        "or cards.last_activity_at <= '1970-01-01 00:00:00+00'",
        "",
        "The report counts cards whose points nobody can ever expire.",
        card_without_activity_is_counted_and_never_due,
    ),
    Mutant(
        "emptied_cards_count_as_cards_without_activity",
        SNAPSHOT,
        "        and cards.points_balance > 0\n",
        "",
        "The report counts cards whose points nobody can ever expire.",
        card_without_activity_is_counted_and_never_due,
    ),
    Mutant(
        "expired_cycle_is_planned_again",
        SELECT_EXPIRY,
        "expirations.cycle_started_at = noticed_cards.last_activity_at",
        "expirations.run_id = %(run_id)s::bigint",
        "The key of an expiry is the cycle, not the run: points that came back stay.",
        expired_cycle_is_not_planned_again,
    ),
    Mutant(
        "run_for_a_merchant_takes_them_all",
        SNAPSHOT,
        "run.merchant_ids is null or programs.merchant_id = any(run.merchant_ids)",
        "true",
        "A run for some merchants touches no other's cards.",
        run_for_one_merchant_leaves_the_others_alone,
    ),
)
