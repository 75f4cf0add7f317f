"""The size check and the held plan: what waits for a person, and what the person's word does."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Engine

from include import decisions
from include.cohorts import select_cohort
from include.size_check import check_size
from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.scene import day, selected
from tests.rows import balance, execute, rows, skips

JUDGE = "check_size/01_judge_programs.sql"
FIND = "decide_run/01_find_overtaking_run.sql"
DECIDE = "decide_run/02_record_decision.sql"
OPEN = "open_held_run/01_insert_run.sql"

ACTIVE_AT = "2025-03-01T12:00Z"  # due on 1 March 2026
DUE = "2026-03-02"


def idle_cards(engine: Engine, program: int, count: int, points: int = 10) -> None:
    for _ in range(count):
        factories.card(engine, program, points=points, last_activity_at=ACTIVE_AT)


def is_held(engine: Engine, program: int, now: str = DUE) -> bool:
    return program in check_size(engine, selected(engine, now, "expiry"))


def history(engine: Engine, program: int, cards_a_day: list[int], *, dry_run: bool = False) -> None:
    """Closed daily runs up to 1 March 2026, and what expired on each day but the first."""
    expired_on = date(2026, 3, 1) - timedelta(days=len(cards_a_day))
    for number, cards in enumerate([0, *cards_a_day]):
        execute(
            engine,
            "with run as (insert into loyalty.expiration_runs (dag_id, dag_run_id, as_of,"
            " evaluated_at, status, closed_at, dry_run, ledger_id_before) values ('history',"
            " %(day)s, %(day)s, %(day)s, 'closed', %(day)s, %(dry_run)s, 0) returning id)"
            " insert into loyalty.expiration_run_programs (run_id, program_id, merchant_id, today,"
            " evaluated_on, cutoff_at) select id, %(program)s, 1, %(day)s, %(day)s, %(day)s"
            " from run",
            day=expired_on + timedelta(days=number),
            program=program,
            dry_run=dry_run,
        )
        for _ in range(cards):
            card = factories.card(engine, program, points=0)
            execute(
                engine,
                "with row as (insert into loyalty.loyalty_transactions (card_id, merchant_id,"
                " transaction_type) values (%(card)s, 1, 'points_expired') returning id)"
                " insert into loyalty.expirations (transaction_id, card_id, cycle_started_at,"
                " due_on, usable_until, points, run_id) select row.id, %(card)s, now(),"
                " %(due_on)s, %(due_on)s, 5, (select max(id) from loyalty.expiration_runs)"
                " from row",
                card=card,
                due_on=expired_on + timedelta(days=number - 1),
            )


def small_cohorts_and_half_of_the_points_are_never_held(engine: Engine) -> None:
    merchant = factories.merchant(engine)
    small = factories.program(engine, merchant_id=merchant, size_check_cards=3)
    idle_cards(engine, small, 3)
    half = factories.program(engine, merchant_id=merchant, size_check_cards=2)
    idle_cards(engine, half, 3)
    factories.card(engine, half, points=30, last_activity_at="2026-02-01T12:00Z")
    above = factories.program(engine, merchant_id=merchant, size_check_cards=2)
    idle_cards(engine, above, 3)
    factories.card(engine, above, points=29, last_activity_at="2026-02-01T12:00Z")
    assert check_size(engine, selected(engine, DUE, "expiry")) == [above]


def program_with_history(engine: Engine, cards_a_day: list[int], cohort: int) -> int:
    """What is outstanding stays far above the cohort: only the history can hold."""
    program = factories.program(engine, size_check_cards=2)
    history(engine, program, cards_a_day)
    idle_cards(engine, program, cohort)
    factories.card(engine, program, points=10_000, last_activity_at="2026-02-01T12:00Z")
    return program


def five_times_the_median_is_not_held(engine: Engine) -> None:
    assert not is_held(engine, program_with_history(engine, [1] * 7, 5))


def more_than_five_times_the_median_is_held(engine: Engine) -> None:
    assert is_held(engine, program_with_history(engine, [1] * 7, 6))


def six_days_of_history_are_too_few(engine: Engine) -> None:
    assert not is_held(engine, program_with_history(engine, [1] * 6, 6))


def days_without_expiry_are_history_too(engine: Engine) -> None:
    # The median of 2, 0, 2, 0, 0, 2 and 0 is 0.
    assert is_held(engine, program_with_history(engine, [2, 0, 2, 0, 0, 2, 0], 3))


def rare_peaks_do_not_raise_the_median(engine: Engine) -> None:
    assert is_held(engine, program_with_history(engine, [1, 1, 1, 1, 1, 4, 4], 6))


def missed_days_count_with_the_run_that_makes_them_up(engine: Engine) -> None:
    # Three days since 1 March: 5 x 1 x 3 = 15.
    assert not is_held(engine, program_with_history(engine, [1] * 7, 15), "2026-03-04")


def dry_runs_are_no_history(engine: Engine) -> None:
    program = factories.program(engine, size_check_cards=2)
    history(engine, program, [0] * 7, dry_run=True)
    idle_cards(engine, program, 3)
    factories.card(engine, program, points=10_000, last_activity_at="2026-02-01T12:00Z")
    assert not is_held(engine, program)


def held_program(engine: Engine, **columns: object) -> decisions.HeldPlan:
    """Three due cards of 10 points, held by the first day's run."""
    program = factories.program(engine, size_check_cards=2, **columns)
    idle_cards(engine, program, 3)
    return decisions.HeldPlan(day(engine, DUE), program)


def held_program_expires_nothing_and_the_others_go_on(engine: Engine) -> None:
    other = factories.card(engine, points=10, last_activity_at=ACTIVE_AT)
    plan = held_program(engine)
    assert skips(engine, plan.run_id) == [("expiry", card, "held") for card in (2, 3, 4)]
    assert [balance(engine, card) for card in (other, 2, 3, 4)] == [0, 10, 10, 10]


def plan_of_the_warnings_is_not_judged(engine: Engine) -> None:
    program = factories.program(engine, size_check_cards=2)
    idle_cards(engine, program, 1)
    for _ in range(3):
        factories.card(engine, program, points=10, last_activity_at="2025-03-10T12:00Z")
    run_id = selected(engine, DUE, "warning")
    select_cohort(engine, run_id, "expiry")
    assert check_size(engine, run_id) == []
    judged = "select size_check, history_days from loyalty.expiration_run_programs"
    assert rows(engine, judged) == [("passed", None)]


MUTANTS = (
    Mutant(
        "cohort_of_the_limit_is_suspect",
        JUDGE,
        "cohorts.cards_total > settings.size_check_cards",
        "cohorts.cards_total >= settings.size_check_cards",
        "Small programs are never held: the limit itself is small.",
        small_cohorts_and_half_of_the_points_are_never_held,
    ),
    Mutant(
        "half_of_the_points_is_held",
        JUDGE,
        "> unusual_suspects.size_check_points_share",
        ">= unusual_suspects.size_check_points_share",
        "Held is what is above the share.",
        small_cohorts_and_half_of_the_points_are_never_held,
    ),
    Mutant(
        "share_of_outstanding_points_is_ignored",
        JUDGE,
        "> unusual_suspects.size_check_points_share * outstanding.points_outstanding",
        "> 2 * outstanding.points_outstanding",
        "Without history most of the points at once is what a broken import looks like.",
        small_cohorts_and_half_of_the_points_are_never_held,
    ),
    Mutant(
        "five_times_the_median_is_held",
        JUDGE,
        "> weighed_suspects.size_check_median_ratio",
        ">= weighed_suspects.size_check_median_ratio",
        "Held is what is above the ratio.",
        five_times_the_median_is_not_held,
    ),
    Mutant(
        "history_median_on_the_wrong_side",
        JUDGE,
        "> weighed_suspects.size_check_median_ratio",
        "< weighed_suspects.size_check_median_ratio",
        "Large cohorts are held, not small ones.",
        more_than_five_times_the_median_is_held,
    ),
    Mutant(
        "six_days_of_history_judge",
        JUDGE,
        ">= 7\n",
        ">= 6\n",
        "Fewer than seven days are no history.",
        six_days_of_history_are_too_few,
    ),
    Mutant(
        "seven_days_of_history_are_too_few",
        JUDGE,
        ">= 7\n",
        "> 7\n",
        "Seven days are history.",
        more_than_five_times_the_median_is_held,
    ),
    Mutant(
        "days_without_expiry_are_no_history",
        JUDGE,
        "order by coalesce(expired_cards.cards_total, 0)",
        "order by expired_cards.cards_total",
        "A day on which nothing expired is as usual as any other.",
        days_without_expiry_are_history_too,
    ),
    Mutant(
        "highest_days_stand_for_the_median",
        JUDGE,
        "percentile_cont(0.5)",
        "percentile_cont(0.9)",
        "Rare peaks must not make a peak usual.",
        rare_peaks_do_not_raise_the_median,
    ),
    Mutant(
        "missed_days_are_not_counted",
        JUDGE,
        "        * weighed_suspects.elapsed_days\n",
        "",
        "After three missed days a cohort three times as large is usual.",
        missed_days_count_with_the_run_that_makes_them_up,
    ),
    Mutant(
        "dry_runs_are_taken_for_history",
        JUDGE,
        "and not runs.dry_run",
        "",
        "A dry run expires nothing; it would make every cohort unusual.",
        dry_runs_are_no_history,
    ),
    Mutant(
        "warnings_are_judged_too",
        JUDGE,
        "where members.run_id = %(run_id)s::bigint and members.kind = 'expiry'",
        "where members.run_id = %(run_id)s::bigint",
        "The size check is about what would be taken.",
        plan_of_the_warnings_is_not_judged,
    ),
    Mutant(
        "held_program_expires_anyway",
        JUDGE,
        "case when verdicts.is_held then 'held' else 'passed' end",
        "'passed'",
        "Nothing of a held program expires before a person has approved it.",
        held_program_expires_nothing_and_the_others_go_on,
    ),
    Mutant(
        "one_held_program_holds_all",
        "skip_members/01_skip_cohort.sql",
        "or undecided.program_id = any(%(program_ids)s::bigint[])",
        "or true",
        "Every other program goes on.",
        held_program_expires_nothing_and_the_others_go_on,
    ),
)
