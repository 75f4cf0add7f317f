"""Points that come back by themselves: activity that reached the ledger late."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include.mail.figures import SendFigures
from include.mail.sending import send_due
from include.reconcile import violations
from tests import factories
from tests.day import run_day
from tests.mail.scripted_server import scripted_server
from tests.reinstating import ACTIVE_AT, EXPIRED, ledger, report
from tests.rows import balance, execute, rows

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


def card_row(engine, card):
    statement = """
        select points_balance, total_points_voided, last_activity_at
        from loyalty.loyalty_cards where id = %(card)s
    """
    return rows(engine, statement, card=card)[0]


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


# The points could be used until 29 February 2024; 400 days later lies 4 April 2025.
@pytest.mark.parametrize(("day", "comes_back"), [("2025-04-04", True), ("2025-04-05", False)])
def test_late_activity_is_looked_for_during_400_days(engine, at, day, comes_back):
    card = factories.card(engine, points=100, last_activity_at="2023-03-01T12:00:00+00:00")
    at("2024-03-01T02:00:00+00:00")
    run_day(engine, "2024-03-01T02:00:00+00:00")
    assert balance(engine, card) == 0
    factories.earn(engine, card, 5, "2024-02-20T10:00:00+00:00")
    at(f"{day}T02:00:00+00:00")
    run_id = run_day(engine, f"{day}T02:00:00+00:00")
    assert report(engine, run_id) == ((1, 100, 0) if comes_back else (0, 0, 0))
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


def test_reinstatement_is_mailed_where_the_program_says_so(engine, at, expired):
    execute(engine, "update loyalty.loyalty_programs set mail_reinstatements = true")
    factories.earn(engine, expired, 5, "2026-02-20T10:00:00+00:00")
    at(NEXT_DAY)
    run_day(engine, NEXT_DAY)
    with scripted_server() as server:
        # Nobody sent the mail about the expiry until now, and it is untrue by now.
        figures = send_due(engine, server.as_mail_server(), named_ids=None)
    assert figures == SendFigures(sent=1, superseded=1)
    assert "Your 100 points at" in server.payloads[0].decode()
    assert rows(engine, "select template_code, status from loyalty.email_logs order by id") == [
        ("loyalty_points_expired", "superseded"),
        ("loyalty_points_reinstated", "sent"),
    ]
    assert violations(engine, None) == []
