"""Points that come back: activity that reached the ledger late, and expiries undone by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include import decisions
from include.cohorts import carry_out
from include.errors import ConfigurationError
from include.mail.sending import SendFigures, send_due
from include.reconcile import reconcile, violations
from include.runs import RunRequest, close_run
from tests import factories
from tests.day import run_day
from tests.mail.scripted_server import scripted_server
from tests.rows import balance, execute, rows

# 1 March 2025 + 365 days: the points can be used until the end of 1 March 2026, local time.
ACTIVE_AT = "2025-03-01T12:00:00+00:00"
EXPIRED = "2026-03-02T02:00:00+00:00"
NEXT_DAY = "2026-03-03T02:00:00+00:00"


@pytest.fixture
def expired(engine, at):
    """A card in a Luxembourg program whose 100 points expired on 2 March 2026."""
    program = factories.program(engine, time_zone="Europe/Luxembourg")
    card = factories.card(engine, program, points=100, last_activity_at=ACTIVE_AT)
    at(EXPIRED)
    run_day(engine, EXPIRED)
    assert balance(engine, card) == 0
    return card


def ledger(engine, card):
    statement = """
        select transaction_type, points_delta, points_balance_after
        from loyalty.loyalty_transactions where card_id = %(card)s
        order by id offset 2
    """
    return rows(engine, statement, card=card)


def card_row(engine, card):
    statement = """
        select points_balance, total_points_voided, last_activity_at
        from loyalty.loyalty_cards where id = %(card)s
    """
    return rows(engine, statement, card=card)[0]


def report(engine, run_id):
    statement = """
        select cards_reinstated, points_reinstated, reinstatements_skipped
        from loyalty.expiration_runs where id = %(run_id)s
    """
    return rows(engine, statement, run_id=run_id)[0]


# Luxembourg is an hour ahead of UTC: the last local second is 22:59:59 UTC.
@pytest.mark.parametrize(
    ("happened_at", "comes_back"),
    [
        ("2025-03-05T12:00:00+00:00", True),
        ("2026-03-01T22:59:59+00:00", True),
        ("2026-03-01T23:00:00+00:00", False),
        ("2026-03-02T09:00:00+00:00", False),
    ],
)
def test_late_posted_activity_gives_the_points_back_if_it_was_in_time(
    engine, at, expired, happened_at, comes_back
):
    factories.earn(engine, expired, 5, happened_at)
    at(NEXT_DAY)
    run_id = run_day(engine, NEXT_DAY)
    assert balance(engine, expired) == (105 if comes_back else 5)
    assert report(engine, run_id) == ((1, 100, 0) if comes_back else (0, 0, 0))
    assert violations(engine, None) == []


def test_late_activity_whose_own_cycle_is_over_too_gives_back_and_expires_again(
    engine, at, expired
):
    # A second after the cycle began: its own points could last be used on the same day.
    factories.earn(engine, expired, 5, "2025-03-01T12:00:01+00:00")
    at(NEXT_DAY)
    run_id = run_day(engine, NEXT_DAY)
    assert ledger(engine, expired)[-2:] == [
        ("points_reinstated", 100, 105),
        ("points_expired", -105, 0),
    ]
    assert report(engine, run_id) == (1, 100, 0)
    assert violations(engine, None) == []


def test_reinstatement_is_a_ledger_row_of_its_own_linked_to_the_expiry(engine, at, expired):
    factories.earn(engine, expired, 5, "2026-02-20T10:00:00+00:00")
    at(NEXT_DAY)
    run_id = run_day(engine, NEXT_DAY)
    assert ledger(engine, expired) == [
        ("points_expired", -100, 0),
        ("points_earned", 5, 5),
        ("points_reinstated", 100, 105),
    ]
    # Voided net of what came back; giving back is no activity.
    assert card_row(engine, expired) == (105, 0, datetime(2026, 2, 20, 10, tzinfo=UTC))
    linked = """
        select ledger.transaction_type, back.run_id, activity.points_delta
        from loyalty.expirations as gone
        join loyalty.loyalty_transactions as ledger on ledger.id = gone.reinstated_by
        join loyalty.reinstatements as back on back.transaction_id = ledger.id
        join loyalty.loyalty_transactions as activity on activity.id = back.activity_id
    """
    assert rows(engine, linked) == [("points_reinstated", run_id, 5)]
    assert rows(
        engine, "select count(*) from loyalty.email_logs where template_code like '%%reinstated'"
    ) == [(0,)]


def test_points_come_back_once(engine, at, expired):
    factories.earn(engine, expired, 5, "2026-02-20T10:00:00+00:00")
    at(NEXT_DAY)
    for name in ("first", "second"):
        run_day(engine, NEXT_DAY, dag_run_id=name)
    factories.earn(engine, expired, 7, "2026-02-21T10:00:00+00:00")
    run_day(engine, NEXT_DAY, dag_run_id="third")
    assert balance(engine, expired) == 112
    assert violations(engine, None) == []


def test_activity_with_a_lower_id_than_the_expiry_counts(engine, at, expired):
    # A till that took its ledger id before the expiry and committed after it.
    factories.earn(engine, expired, 5, "2026-02-20T10:00:00+00:00")
    execute(
        engine,
        "update loyalty.loyalty_transactions set id = -1 where transaction_type = 'points_earned'"
        " and points_delta = 5",
    )
    at(NEXT_DAY)
    run_day(engine, NEXT_DAY)
    assert balance(engine, expired) == 105


@pytest.mark.parametrize("no_activity", ["points_adjusted", "points_voided"])
def test_what_is_no_activity_gives_nothing_back(engine, at, expired, no_activity):
    factories.write_ledger(engine, expired, no_activity, "2026-02-20T10:00:00+00:00", points=0)
    at(NEXT_DAY)
    run_id = run_day(engine, NEXT_DAY)
    assert report(engine, run_id) == (0, 0, 0)


def test_cycle_that_came_back_late_expires_by_its_own_date(engine, at, expired):
    factories.earn(engine, expired, 5, "2026-02-20T10:00:00+00:00")
    at(NEXT_DAY)
    run_day(engine, NEXT_DAY)
    # 20 February 2026 + 365 days = 20 February 2027, usable all day.
    for day, left in (("2026-11-20", 105),):
        at(f"{day}T02:00:00+00:00")
        run_day(engine, f"{day}T02:00:00+00:00")
        assert balance(engine, expired) == left


def test_date_that_was_promised_widens_the_window(engine, at):
    program = factories.program(engine)
    card = factories.card(engine, program, points=100, last_activity_at=ACTIVE_AT)
    at("2026-02-20T02:00:00+00:00")
    run_day(engine, "2026-02-20T02:00:00+00:00", dag_run_id="warned")
    execute(engine, "update loyalty.expiration_notices set promised_on = '2026-03-10'")
    at("2026-03-11T02:00:00+00:00")
    run_day(engine, "2026-03-11T02:00:00+00:00")
    assert balance(engine, card) == 0
    factories.earn(engine, card, 5, "2026-03-10T23:59:59+00:00")
    run_day(engine, "2026-03-11T02:00:00+00:00", dag_run_id="again")
    assert balance(engine, card) == 105


def test_inactive_card_waits_until_it_is_active_again(engine, at, expired):
    factories.earn(engine, expired, 5, "2026-02-20T10:00:00+00:00")
    execute(engine, "update loyalty.loyalty_cards set is_active = false")
    at(NEXT_DAY)
    run_day(engine, NEXT_DAY, dag_run_id="inactive")
    assert balance(engine, expired) == 5
    execute(engine, "update loyalty.loyalty_cards set is_active = true")
    run_day(engine, NEXT_DAY, dag_run_id="active")
    assert balance(engine, expired) == 105


def test_dry_run_plans_the_reinstatement_and_gives_nothing_back(engine, at, expired):
    factories.earn(engine, expired, 5, "2026-02-20T10:00:00+00:00")
    at(NEXT_DAY)
    run_id = run_day(engine, NEXT_DAY, dry_run=True)
    assert balance(engine, expired) == 5
    assert report(engine, run_id) == (0, 0, 1)
    assert rows(engine, "select reason from loyalty.reinstatement_skips") == [("dry_run",)]


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


def test_reinstatement_is_mailed_where_the_program_says_so(engine, at, expired):
    execute(engine, "update loyalty.loyalty_programs set mail_reinstatements = true")
    factories.earn(engine, expired, 5, "2026-02-20T10:00:00+00:00")
    at(NEXT_DAY)
    run_day(engine, NEXT_DAY)
    with scripted_server() as server:
        # The mail about the expiry, which nobody sent until now, and the one about its end.
        assert send_due(engine, server.as_mail_server(), named_ids=None) == SendFigures(sent=2)
    assert "Your 100 points at" in server.payloads[1].decode()
    assert rows(engine, "select template_code, status from loyalty.email_logs order by id") == [
        ("loyalty_points_expired", "sent"),
        ("loyalty_points_reinstated", "sent"),
    ]
    assert violations(engine, None) == []
