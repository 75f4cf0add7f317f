"""Expiries that a person undoes: what is named, once it is approved, and no more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include import decisions
from include.cohorts import carry_out
from include.errors import ConfigurationError
from include.mail.figures import SendFigures
from include.mail.sending import send_due
from include.reconcile import reconcile, violations
from include.runs import RunRequest, close_run
from tests import factories
from tests.day import run_day
from tests.mail.scripted_server import scripted_server
from tests.reinstating import ACTIVE_AT, EXPIRED, ledger, report
from tests.rows import balance, execute, rows


def undo(engine, undoing, dag_run_id="undo", answer="approved"):
    request = RunRequest(
        "loyalty_points_reinstatement",
        dag_run_id,
        datetime(2026, 3, 2, 2, tzinfo=UTC),
        run_type="reinstatement",
    )
    run_id = decisions.open_reinstatement(engine, request, undoing)
    decisions.decide(engine, run_id, "reinstatement", answer, "nora")
    carry_out(engine, run_id, "reinstatement")
    reconcile(engine, run_id)
    close_run(engine, run_id)
    return run_id


@pytest.fixture
def three(engine, at):
    """Cards 1 and 2 of one program, card 3 of another, expired by run 1 (10, 20, 30 points)."""
    first = factories.program(engine)
    second = factories.program(engine)
    for program, points in ((first, 10), (first, 20), (second, 30)):
        factories.card(engine, program, points=points, last_activity_at=ACTIVE_AT)
    at(EXPIRED)
    run_id = run_day(engine, EXPIRED)
    return run_id, first, second


@pytest.mark.parametrize(
    ("named", "balances"),
    [
        (lambda run, first, second: {"run_id": run}, [10, 20, 30]),
        (lambda run, first, second: {"program_id": first}, [10, 20, 0]),
        (lambda run, first, second: {"card_ids": (1, 3)}, [10, 0, 30]),
        (lambda run, first, second: {"program_id": second, "card_ids": (1, 3)}, [0, 0, 30]),
        (lambda run, first, second: {"run_id": run + 1}, [0, 0, 0]),
    ],
    ids=["run", "program", "cards", "both", "another-run"],
)
def test_only_what_all_that_is_named_names_is_undone(engine, three, named, balances):
    undo(engine, decisions.Undoing(**named(*three)))
    assert [balance(engine, card) for card in (1, 2, 3)] == balances
    assert violations(engine, None) == []


def test_undone_cycle_stays_until_the_next_activity(engine, at, three):
    undo(engine, decisions.Undoing(run_id=three[0]))
    for day in ("2026-03-03", "2026-06-01"):
        at(f"{day}T02:00:00+00:00")
        run_day(engine, f"{day}T02:00:00+00:00")
    assert [balance(engine, card) for card in (1, 2, 3)] == [10, 20, 30]


def test_what_changed_since_the_preview_is_skipped_and_said(engine, three):
    request = RunRequest(
        "loyalty_points_reinstatement", "undo", datetime(2026, 3, 2, 2, tzinfo=UTC),
        run_type="reinstatement",
    )  # fmt: skip
    run_id = decisions.open_reinstatement(engine, request, decisions.Undoing(run_id=three[0]))
    assert "60" in decisions.describe_reinstatement(engine, run_id).subject
    execute(engine, "update loyalty.loyalty_cards set is_active = false where id = 1")
    undo(engine, decisions.Undoing(card_ids=(2,)), dag_run_id="faster")
    decisions.decide(engine, run_id, "reinstatement", "approved", "nora")
    carry_out(engine, run_id, "reinstatement")
    reconcile(engine, run_id)
    close_run(engine, run_id)
    assert [balance(engine, card) for card in (1, 2, 3)] == [0, 20, 30]
    assert rows(
        engine,
        "select card_id, reason from loyalty.reinstatement_skips where run_id = %(run_id)s"
        " order by 1",
        run_id=run_id,
    ) == [(1, "deactivated"), (2, "already_reinstated")]
    assert report(engine, run_id) == (1, 30, 2)
    assert violations(engine, None) == []


@pytest.mark.parametrize("answer", ["rejected", "timed_out"])
def test_without_an_approval_nothing_is_given_back(engine, three, answer):
    run_id = undo(engine, decisions.Undoing(run_id=three[0]), answer=answer)
    assert [balance(engine, card) for card in (1, 2, 3)] == [0, 0, 0]
    assert report(engine, run_id) == (0, 0, 3)


def test_two_expiries_of_one_card_come_back_on_top_of_each_other(engine, at):
    program = factories.program(engine, points_expiration_days=30, warning_days=[])
    card = factories.card(engine, program, points=10, last_activity_at="2026-01-01T12:00Z")
    for day, earned in (("2026-02-02", 25), ("2026-03-20", 0)):
        at(f"{day}T02:00:00+00:00")
        run_day(engine, f"{day}T02:00:00+00:00")
        assert balance(engine, card) == 0
        if earned:
            factories.earn(engine, card, earned, "2026-02-02T12:00:00+00:00")
    undo(engine, decisions.Undoing(card_ids=(card,)))
    assert balance(engine, card) == 35
    assert ledger(engine, card)[-2:] == [
        ("points_reinstated", 10, 10),
        ("points_reinstated", 25, 35),
    ]
    assert violations(engine, None) == []


def test_naming_nothing_is_refused_and_opens_no_run(engine, three):
    with pytest.raises(ConfigurationError, match="Say what is to be given back"):
        undo(engine, decisions.Undoing())
    assert rows(engine, "select count(*) from loyalty.expiration_runs") == [(1,)]


def test_mail_about_points_that_came_back_before_it_went_is_not_sent(engine, at, three):
    undo(engine, decisions.Undoing(card_ids=(2,)))
    with scripted_server() as server:
        figures = send_due(engine, server.as_mail_server(), named_ids=None)
    assert figures == SendFigures(sent=2, superseded=1)
    statement = "select card_id, status from loyalty.email_logs order by card_id"
    assert rows(engine, statement) == [(1, "sent"), (2, "superseded"), (3, "sent")]
    assert violations(engine, None) == []
