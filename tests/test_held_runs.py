"""A held plan and the person who decides on it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include import decisions, stages
from include.cohorts import carry_out
from include.errors import ConfigurationError
from include.reconcile import reconcile, violations
from include.runs import close_run
from tests import factories
from tests.day import run_day
from tests.rows import balance, execute, rows

FIRST_DAY = "2026-03-02T02:00:00+00:00"
NEXT_DAY = "2026-03-03T02:00:00+00:00"
ACTIVE_AT = "2025-03-01T12:00:00+00:00"  # due on 1 March 2026


@pytest.fixture
def held(engine, at):
    """A program of three due cards (10, 20 and 30 points), held by the first day's run."""
    program = factories.program(engine, size_check_cards=2)
    for points in (10, 20, 30):
        factories.card(engine, program, points=points, last_activity_at=ACTIVE_AT)
    at(FIRST_DAY)
    return decisions.HeldPlan(run_day(engine, FIRST_DAY), program)


def open_held(engine, plan, dag_run_id="held"):
    return decisions.open_held_run(
        engine, dag_id="loyalty_held_expirations", dag_run_id=dag_run_id, plan=plan
    )


def finish(engine, run_id):
    carry_out(engine, run_id, "expiry")
    reconcile(engine, run_id)
    close_run(engine, run_id)


def report(engine, run_id):
    statement = """
        select decision, decided_by, status, expiry_cards_planned, cards_expired, points_expired,
            expiry_cards_skipped
        from loyalty.expiration_runs where id = %(run_id)s
    """
    return rows(engine, statement, run_id=run_id)[0]


def reasons(engine, run_id):
    statement = """
        select card_id, reason from loyalty.expiration_skips
        where run_id = %(run_id)s order by card_id
    """
    return rows(engine, statement, run_id=run_id)


def test_approved_plan_is_carried_out_under_a_run_of_its_own(engine, held):
    run_id = open_held(engine, held)
    assert decisions.decide(engine, run_id, "expiry", "approved", "nora") == "approved"
    finish(engine, run_id)
    assert report(engine, run_id) == ("approved", "nora", "closed", 3, 3, 60, 0)
    assert [balance(engine, card) for card in (1, 2, 3)] == [0, 0, 0]
    # Ledger row, expiry and mail of each, as in a daily run.
    assert rows(engine, "select card_id, points, run_id from loyalty.expirations order by 1") == [
        (1, 10, run_id),
        (2, 20, run_id),
        (3, 30, run_id),
    ]
    assert rows(engine, "select count(*) from loyalty.email_logs") == [(3,)]
    # The daily run's report stands.
    assert report(engine, held.run_id) == (None, None, "closed", 3, 0, 0, 3)
    assert violations(engine, None) == []


def test_exactly_the_plan_that_was_shown_is_carried_out(engine, at, held):
    late = factories.card(engine, held.program_id, points=40, last_activity_at=ACTIVE_AT)
    run_id = open_held(engine, held)
    decisions.decide(engine, run_id, "expiry", "approved", "nora")
    finish(engine, run_id)
    assert report(engine, run_id)[3:] == (3, 3, 60, 0)
    assert balance(engine, late) == 40


def test_each_card_of_an_approved_plan_is_checked_once_more(engine, held):
    run_id = open_held(engine, held)
    factories.earn(engine, 1, 5, "2026-03-02T09:00:00+00:00")
    factories.redeem(engine, 2, 20, "2025-03-01T12:00:00+00:00")
    execute(engine, "update loyalty.loyalty_cards set is_active = false where id = 3")
    decisions.decide(engine, run_id, "expiry", "approved", "nora")
    finish(engine, run_id)
    assert [balance(engine, card) for card in (1, 2, 3)] == [15, 0, 30]
    assert reasons(engine, run_id) == [(1, "came_back"), (2, "emptied"), (3, "deactivated")]
    assert report(engine, run_id)[3:] == (3, 0, 0, 3)


@pytest.mark.parametrize("answer", ["rejected", "timed_out"])
def test_plan_that_is_not_approved_takes_nothing_and_says_so(engine, held, answer):
    run_id = open_held(engine, held)
    assert decisions.decide(engine, run_id, "expiry", answer) == answer
    finish(engine, run_id)
    assert report(engine, run_id) == (answer, None, "closed", 3, 0, 0, 3)
    assert reasons(engine, run_id) == [(1, answer), (2, answer), (3, answer)]
    assert [balance(engine, card) for card in (1, 2, 3)] == [10, 20, 30]
    assert violations(engine, None) == []


def test_rejected_program_is_proposed_again_by_the_next_day(engine, at, held):
    run_id = open_held(engine, held)
    decisions.decide(engine, run_id, "expiry", "rejected", "nora")
    finish(engine, run_id)
    at(NEXT_DAY)
    again = run_day(engine, NEXT_DAY)
    assert reasons(engine, again) == [(1, "held"), (2, "held"), (3, "held")]


def test_plan_lapses_when_the_next_daily_run_proposes_the_program_again(engine, at, held):
    run_id = open_held(engine, held)
    at(NEXT_DAY)
    later = decisions.HeldPlan(run_day(engine, NEXT_DAY), held.program_id)
    assert decisions.decide(engine, run_id, "expiry", "approved", "nora") == "lapsed"
    finish(engine, run_id)
    assert report(engine, run_id) == ("lapsed", "nora", "closed", 3, 0, 0, 3)
    assert balance(engine, 1) == 10
    later_run = open_held(engine, later, "later")
    assert decisions.decide(engine, later_run, "expiry", "approved", "nora") == "approved"
    finish(engine, later_run)
    assert [balance(engine, card) for card in (1, 2, 3)] == [0, 0, 0]


def test_dry_run_and_another_program_let_no_plan_lapse(engine, at, held):
    run_id = open_held(engine, held)
    at(NEXT_DAY)
    run_day(engine, NEXT_DAY, dry_run=True)
    other = factories.program(engine, size_check_cards=0)
    factories.card(engine, other, points=5, last_activity_at=ACTIVE_AT)
    execute(
        engine,
        "update loyalty.loyalty_programs set size_check_cards = 5 where id = %(program)s",
        program=held.program_id,
    )
    run_day(engine, NEXT_DAY, dag_run_id="others")
    # The limits were raised, so that the daily run carried the program out itself.
    assert decisions.decide(engine, run_id, "expiry", "approved", "nora") == "approved"
    finish(engine, run_id)
    assert reasons(engine, run_id) == [(card, "already_expired") for card in (1, 2, 3)]


def test_first_decision_stands_however_often_it_is_asked(engine, held):
    run_id = open_held(engine, held)
    decisions.decide(engine, run_id, "expiry", "rejected", "nora")
    assert decisions.decide(engine, run_id, "expiry", "approved", "theo") == "rejected"
    finish(engine, run_id)
    assert report(engine, run_id)[:2] == ("rejected", "nora")
    assert decisions.decide(engine, run_id, "expiry", "approved", "theo") == "closed"
    assert report(engine, run_id)[:2] == ("rejected", "nora")
    assert balance(engine, 1) == 10


def test_started_twice_it_goes_on_with_one_run_and_repeated_it_opens_another(engine, held):
    run_id = open_held(engine, held)
    assert open_held(engine, held) == run_id
    decisions.decide(engine, run_id, "expiry", "approved", "nora")
    finish(engine, run_id)
    repeated = open_held(engine, held)
    assert repeated != run_id
    decisions.decide(engine, repeated, "expiry", "approved", "nora")
    finish(engine, repeated)
    assert report(engine, repeated)[3:] == (3, 0, 0, 3)
    assert violations(engine, None) == []


def test_program_that_is_not_held_is_refused_and_nothing_is_opened(engine, held):
    other = factories.program(engine)
    for plan in (
        decisions.HeldPlan(held.run_id, other),
        decisions.HeldPlan(999, held.program_id),
    ):
        with pytest.raises(ConfigurationError, match="does not hold program"):
            open_held(engine, plan)
    assert rows(engine, "select count(*) from loyalty.expiration_runs") == [(1,)]


def test_proposal_shows_what_would_happen_and_what_changed(engine, at):
    merchant = factories.merchant(engine, name="Kräider *& Co*")
    program = factories.program(
        engine, merchant_id=merchant, name="<b>Club</b>", points_expiration_days=365,
        size_check_cards=2,
    )  # fmt: skip
    at("2026-02-01T02:00:00+00:00")
    run_day(engine, "2026-02-01T02:00:00+00:00")
    for _ in range(3):
        factories.card(engine, program, points=20, last_activity_at="2026-01-15T12:00:00+00:00")
    factories.card(engine, program, points=40, last_activity_at="2026-02-28T12:00:00+00:00")
    execute(engine, "update loyalty.loyalty_programs set points_expiration_days = 36")
    at(FIRST_DAY)
    plan = decisions.HeldPlan(run_day(engine, FIRST_DAY), program)
    run_id = open_held(engine, plan)
    shown = decisions.describe_held_run(engine, run_id)
    assert shown.subject == f"Expire 60 points of 3 cards in program {program}?"
    assert "\\<b\\>Club\\</b\\>" in shown.body
    assert "Kräider \\*& Co\\*" in shown.body
    # 60 of 60 + 40 points; 15 January + 36 days.
    assert "60, 60.0% of the 100 outstanding" in shown.body
    assert "due between 2026-02-20 and 2026-02-20" in shown.body
    assert "days until points expire 365 → 36." in shown.body


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ("size_check_median_ratio", "any number of times the median a day; without seven days of"),
        ("size_check_points_share", "history any share of the points"),
    ],
)
def test_limit_that_holds_nothing_hinders_no_proposal(engine, at, limit, told):
    held = factories.program(engine, size_check_cards=2, **{limit: None})
    for day in range(1, 12):
        factories.card(engine, held, last_activity_at=f"2025-02-{day:02}T12:00:00+00:00")
    if limit == "size_check_points_share":  # a history, for the other limit to judge by
        for day in range(2, 12):
            run_day(engine, at(f"2026-02-{day:02}T02:00:00+00:00"))
        for _ in range(20):
            factories.card(engine, held, last_activity_at="2025-02-11T12:00:00+00:00")
    daily_run_id = run_day(engine, at("2026-02-12T02:00:00+00:00"))
    run_id = open_held(engine, decisions.HeldPlan(daily_run_id, held))
    assert told in decisions.describe_held_run(engine, run_id).body


def test_held_run_stands_for_the_day_of_the_run_that_holds_it(engine, held):
    run_id = open_held(engine, held)
    statement = "select as_of, held_run_id, run_type from loyalty.expiration_runs where id = %(id)s"
    assert rows(engine, statement, id=run_id) == [
        (datetime(2026, 3, 2, 2, tzinfo=UTC), held.run_id, "held")
    ]


@pytest.mark.parametrize(
    ("user", "chosen", "decision", "decided_by"),
    [
        ({"id": "7", "name": "nora"}, "Approve", "approved", "nora"),
        ({"id": "7", "name": "nora"}, "Reject", "rejected", "nora"),
        ({"id": "7", "name": ""}, "Approve", "approved", "7"),
        # Nobody answered in time: Airflow takes the default, whatever it is.
        (None, "Reject", "timed_out", None),
        (None, "Approve", "timed_out", None),
    ],
)
def test_only_a_persons_approval_in_airflow_is_one(
    engine, held, monkeypatch, user, chosen, decision, decided_by
):
    monkeypatch.setattr(stages, "_engine", lambda: engine)
    run_id = open_held(engine, held)
    answered = {"chosen_options": [chosen], "responded_by_user": user}
    assert stages.decide(run_id, "expiry", answered) == decision
    assert report(engine, run_id)[:2] == (decision, decided_by)
