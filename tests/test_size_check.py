"""A program whose expiry is far beyond its own history waits for a person; the others go on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from include.reconcile import violations
from tests import factories
from tests.day import run_day
from tests.rows import execute, rows, skips

ONE_DAY = timedelta(days=1)


def idle_cards(engine, program, *, due_on, count, points=10):
    """Cards whose points are due on a day by the program's 365 days in UTC."""
    active = datetime(due_on.year, due_on.month, due_on.day, 12, tzinfo=UTC) - 365 * ONE_DAY
    with engine.begin() as connection:
        first = factories.card(connection, program, points=points, last_activity_at=active)
        connection.exec_driver_sql(MORE_OF_THEM, {"card": first, "more": count - 1})


# Cards like one that is there, with ledgers like its own.
MORE_OF_THEM = """
    with
    model as (select * from loyalty.loyalty_cards where id = %(card)s),
    cards as (
        insert into loyalty.loyalty_cards (
            program_id, merchant_id, customer_id, card_number, points_balance,
            total_points_earned, last_activity_at, created_at
        )
        select
            program_id, merchant_id, customer_id, card_number || '/' || number, points_balance,
            total_points_earned, last_activity_at, created_at
        from model cross join generate_series(1, %(more)s) as number
        returning id
    )
    insert into loyalty.loyalty_transactions (
        card_id, merchant_id, transaction_type, points_delta, points_balance_after,
        transaction_at
    )
    select
        cards.id, merchant_id, transaction_type, points_delta, points_balance_after, transaction_at
    from cards cross join loyalty.loyalty_transactions as ledger
    where ledger.card_id = %(card)s
    order by cards.id, ledger.id
"""


def limits(engine, program, cards):
    execute(
        engine,
        "update loyalty.loyalty_programs set size_check_cards = %(cards)s where id = %(program)s",
        cards=cards,
        program=program,
    )


def verdict(engine, run_id, program):
    statement = """
        select size_check, expiry_cards_planned, cards_expired
        from loyalty.expiration_run_programs
        where run_id = %(run_id)s and program_id = %(program)s
    """
    return rows(engine, statement, run_id=run_id, program=program)[0]


def run_on(engine, at, day):
    instant = f"{day}T02:00:00+00:00"
    at(instant)
    return run_day(engine, instant)


@pytest.mark.parametrize(("cards", "expected"), [(1000, "passed"), (1001, "held")])
def test_first_expiry_above_a_thousand_cards_and_half_the_points_is_held(
    engine, at, cards, expected
):
    program = factories.program(engine)
    idle_cards(engine, program, due_on=date(2026, 3, 1), count=cards)
    run_id = run_on(engine, at, date(2026, 3, 2))
    expired = cards if expected == "passed" else 0
    assert verdict(engine, run_id, program) == (expected, cards, expired)


@pytest.mark.parametrize(("active_points", "expected"), [(50, "passed"), (49, "held")])
def test_without_history_half_of_the_outstanding_points_is_the_limit(
    engine, at, active_points, expected
):
    program = factories.program(engine)
    limits(engine, program, 4)
    idle_cards(engine, program, due_on=date(2026, 3, 1), count=5)
    # 5 cards of 10 points are due: 50 of 100 points is not above half, 50 of 99 is.
    factories.card(engine, program, points=active_points, last_activity_at="2026-02-01T12:00Z")
    run_id = run_on(engine, at, date(2026, 3, 2))
    assert verdict(engine, run_id, program)[0] == expected


def with_history(engine, at, *, days, cards_a_day=1):
    """A program that expired the same number of cards on each of some days, and its last day."""
    program = factories.program(engine)
    limits(engine, program, 2)
    first = date(2026, 3, 1)
    for number in range(days + 1):
        idle_cards(engine, program, due_on=first + number * ONE_DAY, count=cards_a_day)
    # What is outstanding stays far above every cohort: only the history can hold.
    factories.card(engine, program, points=10_000, last_activity_at="2026-02-27T12:00Z")
    for number in range(days + 1):
        run_on(engine, at, first + (number + 1) * ONE_DAY)
    return program, first + (days + 1) * ONE_DAY


@pytest.mark.parametrize(("cards", "expected"), [(5, "passed"), (6, "held")])
def test_five_times_the_median_a_day_is_the_limit(engine, at, cards, expected):
    program, last_run = with_history(engine, at, days=7)
    idle_cards(engine, program, due_on=last_run, count=cards)
    run_id = run_on(engine, at, last_run + ONE_DAY)
    assert verdict(engine, run_id, program) == (expected, cards, cards * (expected == "passed"))


def test_six_days_of_history_are_too_few_to_judge_by(engine, at):
    program, last_run = with_history(engine, at, days=6)
    idle_cards(engine, program, due_on=last_run, count=40)
    run_id = run_on(engine, at, last_run + ONE_DAY)
    # 400 points of 10,400 are far below half.
    assert verdict(engine, run_id, program)[0] == "passed"


@pytest.mark.parametrize(("cards", "expected"), [(15, "passed"), (16, "held")])
def test_days_that_were_missed_count_with_the_run_that_makes_them_up(engine, at, cards, expected):
    program, last_run = with_history(engine, at, days=7)
    for number in range(3):
        count = cards // 3 + (number == 0) * (cards % 3)
        idle_cards(engine, program, due_on=last_run + number * ONE_DAY, count=count)
    run_id = run_on(engine, at, last_run + 3 * ONE_DAY)
    assert verdict(engine, run_id, program)[0] == expected


def test_held_program_stays_held_while_nobody_decides(engine, at):
    program, last_run = with_history(engine, at, days=7)
    idle_cards(engine, program, due_on=last_run, count=6)
    for number in (1, 2, 3):
        run_id = run_on(engine, at, last_run + number * ONE_DAY)
        assert verdict(engine, run_id, program) == ("held", 6, 0)


def test_other_programs_go_on_and_every_held_card_has_its_skip(engine, at):
    held = factories.program(engine)
    limits(engine, held, 2)
    usual = factories.program(engine)
    idle_cards(engine, held, due_on=date(2026, 3, 1), count=3)
    idle_cards(engine, usual, due_on=date(2026, 3, 1), count=1)
    run_id = run_on(engine, at, date(2026, 3, 2))
    assert verdict(engine, run_id, held) == ("held", 3, 0)
    assert verdict(engine, run_id, usual) == ("passed", 1, 1)
    assert skips(engine, run_id) == [("expiry", card, "held") for card in (1, 2, 3)]
    assert rows(engine, "select programs_held, cards_expired from loyalty.expiration_runs") == [
        (1, 1)
    ]
    assert violations(engine, None) == []


def test_limit_of_null_holds_nothing(engine, at):
    program = factories.program(engine, size_check_cards=None)
    idle_cards(engine, program, due_on=date(2026, 3, 1), count=1001)
    run_id = run_on(engine, at, date(2026, 3, 2))
    assert verdict(engine, run_id, program)[0] == "passed"


def test_dry_run_judges_and_holds_nothing(engine, at):
    program = factories.program(engine)
    limits(engine, program, 2)
    idle_cards(engine, program, due_on=date(2026, 3, 1), count=3)
    at("2026-03-02T02:00:00+00:00")
    dry = run_day(engine, "2026-03-02T02:00:00+00:00", dry_run=True, dag_run_id="dry")
    assert verdict(engine, dry, program) == ("held", 3, 0)
    assert {reason for _, _, reason in skips(engine, dry)} == {"dry_run"}
    real = run_day(engine, "2026-03-02T02:00:00+00:00", dag_run_id="real")
    assert verdict(engine, real, program) == ("held", 3, 0)
    plan = """
        select kind, card_id, program_id, merchant_id, cycle_started_at, due_on, usable_until,
            stage_days, points
        from loyalty.expiration_cohort_members where run_id = %(run_id)s order by 1, 2
    """
    assert rows(engine, plan, run_id=dry) == rows(engine, plan, run_id=real)
