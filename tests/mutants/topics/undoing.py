"""Expiries that a person undoes: what is named, and all that is named."""

from __future__ import annotations

from sqlalchemy import Engine

from include import decisions
from include.cohorts import carry_out
from include.reconcile import reconcile
from include.runs import RunRequest, close_run
from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.post import claimed
from tests.mutants.scene import change, clock, day
from tests.mutants.topics.reinstating import expired_card
from tests.rows import balance, rows

FIND = "select_late_activity/01_plan_reinstatements.sql"
POST = "reinstate_points/01_post_reinstatements.sql"
MARK = "reinstate_points/02_mark_expirations.sql"
CREDIT = "reinstate_points/03_credit_balances.sql"
SET_ASIDE = "claim_mail/04_supersede_events.sql"
ACTIVE_AT = "2025-03-01T12:00Z"
EXPIRED = "2026-03-02 06:00"
NEXT_DAY = "2026-03-03 06:00"


def undo(engine: Engine, **named: object) -> int:
    request = RunRequest("undo", "undo", clock(NEXT_DAY), run_type="reinstatement")
    run_id = decisions.open_reinstatement(engine, request, decisions.Undoing(**named))
    decisions.decide(engine, run_id, "reinstatement", "approved", "nora")
    carry_out(engine, run_id, "reinstatement")
    reconcile(engine, run_id)
    close_run(engine, run_id)
    return run_id


def only_what_is_named_is_undone(engine: Engine) -> None:
    first = factories.program(engine)
    for program in (first, first, factories.program(engine)):
        factories.card(engine, program, points=10, last_activity_at=ACTIVE_AT)
    run_id = day(engine, EXPIRED)
    undo(engine, run_id=run_id, program_id=first, card_ids=(1, 3))
    assert [balance(engine, card) for card in (1, 2, 3)] == [10, 0, 0]


def another_runs_expiries_are_not_undone(engine: Engine) -> None:
    card = expired_card(engine)
    later = factories.card(engine, 1, points=10, last_activity_at="2025-03-02T12:00Z")
    run_id = day(engine, NEXT_DAY)
    undo(engine, run_id=run_id)
    assert (balance(engine, card), balance(engine, later)) == (0, 10)


def two_expiries_of_a_card_come_back_on_top_of_each_other(engine: Engine) -> None:
    program = factories.program(engine, points_expiration_days=30, warning_days=[])
    card = factories.card(engine, program, points=10, last_activity_at="2026-01-01T12:00Z")
    day(engine, "2026-02-02")
    factories.earn(engine, card, 25, "2026-02-01T12:00Z")
    change(engine, "expirations", usable_until="2026-01-20", due_on="2026-01-20")
    day(engine, "2026-03-04")
    run_id = undo(engine, card_ids=(card,))
    ledger = """
        select points_delta, points_balance_after from loyalty.loyalty_transactions
        where transaction_type = 'points_reinstated' order by id
    """
    assert rows(engine, ledger) == [(10, 10), (25, 35)]
    assert balance(engine, card) == 35
    counted = """
        select cards_reinstated, points_reinstated from loyalty.expiration_runs
        where id = %(id)s
    """
    assert rows(engine, counted, id=run_id) == [(1, 35)]


def mails_about_what_came_back_are_set_aside(engine: Engine) -> None:
    program = factories.program(engine, points_expiration_days=30, warning_days=[])
    card = factories.card(engine, program, points=10, last_activity_at="2026-01-01T12:00Z")
    day(engine, "2026-02-02")
    factories.earn(engine, card, 25, "2026-02-02T12:00Z")
    second = day(engine, "2026-03-05")
    undo(engine, run_id=second)
    assert [mail.variables["points"] for mail in claimed(engine, f"{NEXT_DAY}:00+00:00").mails] == [
        10
    ]


MUTANTS = (
    Mutant(
        "second_expiry_comes_back_beside_the_first",
        POST,
        "rows between unbounded preceding and current row",
        "rows between current row and current row",
        "Each row's balance stands on the one before it.",
        two_expiries_of_a_card_come_back_on_top_of_each_other,
    ),
    Mutant(
        "named_cards_are_ignored",
        "select_reinstatements/01_plan_reinstatements.sql",
        "(%(card_ids)s::bigint[] is null or expirations.card_id = any(%(card_ids)s::bigint[]))",
        "true",
        "Only what all that is named names is undone.",
        only_what_is_named_is_undone,
    ),
    Mutant(
        "named_program_is_ignored",
        "select_reinstatements/01_plan_reinstatements.sql",
        "and (%(program_id)s::bigint is null or cards.program_id = %(program_id)s::bigint)",
        "",
        "Only what all that is named names is undone.",
        only_what_is_named_is_undone,
    ),
    Mutant(
        "named_run_is_ignored",
        "select_reinstatements/01_plan_reinstatements.sql",
        "or expirations.run_id = %(expiring_run_id)s::bigint",
        "or true",
        "Only what all that is named names is undone.",
        another_runs_expiries_are_not_undone,
    ),
    Mutant(
        "mail_about_points_that_came_back_is_sent",
        SET_ASIDE,
        "and expirations.reinstated_by is not null",
        "and false",
        "The customer has the points.",
        mails_about_what_came_back_are_set_aside,
    ),
    Mutant(
        "mail_about_points_that_stay_gone_is_set_aside",
        SET_ASIDE,
        "and expirations.reinstated_by is not null",
        "",
        "A fact without its mail cannot be.",
        mails_about_what_came_back_are_set_aside,
    ),
    Mutant(
        "mails_about_other_expiries_of_the_card_are_set_aside",
        SET_ASIDE,
        "and mails.occurrence_key = loyalty.expiry_occurrence_key(expirations.transaction_id)",
        "",
        "Of two expiries one may stand.",
        mails_about_what_came_back_are_set_aside,
    ),
    Mutant(
        "expiries_are_counted_as_cards",
        "close_run/02_count_programs.sql",
        "count(distinct reinstatements.card_id)",
        "count(reinstatements.card_id)",
        "A card that gets two expiries back is one card.",
        two_expiries_of_a_card_come_back_on_top_of_each_other,
    ),
)
