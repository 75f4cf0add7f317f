"""Which ledger rows are mailed, and what their mails carry."""

from __future__ import annotations

import pytest

from include.mail.figures import SendFigures
from include.mail.sending import send_due
from include.reconcile import violations
from tests import factories
from tests.day import run_day
from tests.lifecycle.events import DAG, NOW, bonus, keys, run, stamp
from tests.mail.scripted_server import scripted_server
from tests.rows import execute, rows

MAILS = """
    select template_code, occurrence_key, language, variables, status
    from loyalty.email_logs order by id
"""

STATUSES = "select occurrence_key, status from loyalty.email_logs order by id"


def send(engine) -> SendFigures:
    """Let a sender take whatever is due; its server takes every mail."""
    with scripted_server() as server:
        return send_due(engine, server.as_mail_server(), named_ids=None)


@pytest.fixture
def stamps_card(engine, a_card):
    """A card with 8 of the 10 stamps that its program wants for a reward."""
    execute(engine, "update loyalty.loyalty_programs set stamps_target = 10")
    execute(engine, "update loyalty.loyalty_cards set stamp_count = 8")
    return a_card


def test_enrollment_bonus_and_reward_are_queued_with_their_variables(engine, at):
    at(NOW)
    program = factories.program(engine, stamps_target=2)
    card = factories.card(engine, program, points=0)
    given = bonus(engine, card, 50)
    reached = stamp(engine, card, 2)
    assert run(engine).mails == 3
    assert rows(engine, MAILS) == [
        ("loyalty_enrollment", f"enrolled:{card}", "en", {}, "queued"),
        ("loyalty_welcome_bonus", f"welcome_bonus:{given}", "en", {"points": 50}, "queued"),
        (
            "loyalty_reward_ready",
            f"reward:{reached}",
            "en",
            {"stamps": 2, "stamps_target": 2},
            "queued",
        ),
    ]


def test_second_run_queues_nothing_and_has_no_row(engine, at):
    at(NOW)
    card = factories.card(engine)
    run(engine, "first")
    assert run(engine, "second").mails == 0
    assert keys(engine) == [f"enrolled:{card}"]
    assert rows(engine, "select dag_id, dag_run_id from loyalty.lifecycle_runs") == [(DAG, "first")]


def test_card_that_was_created_twice_is_welcomed_once(engine, at):
    at(NOW)
    card = factories.card(engine, points=0)
    factories.write_ledger(engine, card, "card_created", NOW)
    run(engine)
    factories.write_ledger(engine, card, "card_created", NOW)
    run(engine)
    assert keys(engine) == [f"enrolled:{card}"]


@pytest.mark.parametrize(("points", "mails"), [(0, 0), (1, 1)])
def test_bonus_is_mailed_only_with_points(engine, a_card, points, mails):
    bonus(engine, a_card, points)
    assert run(engine).mails == mails


@pytest.mark.parametrize("kind", ["points_earned", "points_adjusted", "points_reinstated"])
def test_other_rows_are_read_and_not_mailed(engine, a_card, kind):
    factories.write_ledger(engine, a_card, kind, NOW, points=5)
    assert run(engine).mails == 0


@pytest.mark.parametrize(
    ("stamps", "mails"),
    [
        ([1], 0),  # 9: the stamp before
        ([2], 1),  # 10
        ([5], 1),  # 13: beyond, in one visit
        ([1, 1, 1], 1),  # 9, 10, 11: only the one that reaches it
    ],
)
def test_reward_is_mailed_when_the_target_is_reached(engine, stamps_card, stamps, mails):
    for each in stamps:
        stamp(engine, stamps_card, each)
    assert run(engine).mails == mails


@pytest.mark.parametrize("target", [None, 0, -1])
def test_program_without_a_target_has_no_rewards(engine, stamps_card, target):
    execute(engine, "update loyalty.loyalty_programs set stamps_target = %(t)s", t=target)
    stamp(engine, stamps_card, 2)
    assert run(engine).mails == 0


def test_reward_reached_again_is_mailed_again(engine, stamps_card):
    first = stamp(engine, stamps_card, 2)
    run(engine)
    factories.write_ledger(engine, stamps_card, "stamp_redeemed", NOW, stamps=-10)
    second = stamp(engine, stamps_card, 10)
    run(engine)
    assert keys(engine) == [f"reward:{first}", f"reward:{second}"]
    assert rows(engine, "select distinct status from loyalty.email_logs") == [("queued",)]


def test_reward_redeemed_before_the_run_is_noted_and_not_announced(engine, stamps_card):
    redeemed = stamp(engine, stamps_card, 2)
    factories.write_ledger(engine, stamps_card, "stamp_redeemed", NOW, stamps=-10)
    standing = stamp(engine, stamps_card, 10)
    run(engine)
    found = rows(engine, "select occurrence_key, status from loyalty.email_logs order by id")
    assert found == [(f"reward:{redeemed}", "superseded"), (f"reward:{standing}", "queued")]


@pytest.mark.parametrize(
    ("redeemed", "earned"),
    [
        (-10, 0),  # nothing is left
        (-1, 0),  # one stamp below the target
        (-10, 10),  # reached again: told once, by the mail of its own event
    ],
)
def test_reward_redeemed_before_its_mail_goes_is_not_announced(
    engine, stamps_card, redeemed, earned
):
    gone = stamp(engine, stamps_card, 2)
    run(engine)
    factories.write_ledger(engine, stamps_card, "stamp_redeemed", NOW, stamps=redeemed)
    again = [stamp(engine, stamps_card, earned)] if earned else []
    run(engine)
    assert send(engine) == SendFigures(sent=len(again), superseded=1)
    expected = [(f"reward:{gone}", "superseded"), *((f"reward:{id}", "sent") for id in again)]
    assert rows(engine, STATUSES) == expected


@pytest.mark.parametrize(
    ("target", "status"), [(9, "sent"), (10, "sent"), (11, "superseded"), (None, "superseded")]
)
def test_reward_is_announced_while_the_stamps_reach_the_target(engine, stamps_card, target, status):
    reached = stamp(engine, stamps_card, 2)
    run(engine)
    execute(engine, "update loyalty.loyalty_programs set stamps_target = %(t)s", t=target)
    send(engine)
    assert rows(engine, STATUSES) == [(f"reward:{reached}", status)]


def test_stamps_redeemed_by_another_card_or_earlier_take_no_reward_away(engine, stamps_card):
    factories.write_ledger(engine, stamps_card, "stamp_redeemed", NOW, stamps=-1)
    reached = stamp(engine, stamps_card, 3)
    run(engine)
    other = factories.card(engine, stamps=1)
    factories.write_ledger(engine, other, "stamp_redeemed", NOW, stamps=-1)
    send(engine)
    assert rows(engine, STATUSES) == [(f"reward:{reached}", "sent")]


@pytest.mark.parametrize("table", ["loyalty_cards", "loyalty_programs", "merchants"])
def test_mail_of_what_was_deactivated_since_is_set_aside_for_good(engine, at, table):
    at(NOW)
    bonus(engine, factories.card(engine), 50)
    run(engine)
    execute(engine, f"update loyalty.{table} set is_active = false")
    assert send(engine) == SendFigures(superseded=2)
    execute(engine, f"update loyalty.{table} set is_active = true")
    assert send(engine) == SendFigures()


def test_deactivated_card_is_still_told_that_its_points_have_expired(engine, at):
    at(NOW)
    card = factories.card(engine, points=70, last_activity_at="2025-01-01T12:00:00+00:00")
    run_day(engine, NOW)
    execute(engine, "update loyalty.loyalty_cards set is_active = false where id = %(c)s", c=card)
    assert send(engine).sent == 1


@pytest.mark.parametrize("table", ["loyalty_cards", "loyalty_programs", "merchants"])
def test_inactive_is_not_mailed_and_not_made_up_later(engine, at, table):
    at(NOW)
    bonus(engine, factories.card(engine), 50)
    execute(engine, f"update loyalty.{table} set is_active = false")
    assert run(engine).mails == 0
    execute(engine, f"update loyalty.{table} set is_active = true")
    assert run(engine).mails == 0


@pytest.mark.parametrize(
    ("customers", "stores", "language"),
    [("de-LU", "fr", "de"), (None, "fr", "fr"), ("pt", "lb", "lb"), (None, None, "en")],
)
def test_mail_is_in_the_customers_language_else_the_stores(engine, at, customers, stores, language):
    at(NOW)
    merchant = factories.merchant(engine)
    store = factories.store(engine, merchant, default_language=stores)
    factories.card(
        engine,
        factories.program(engine, merchant_id=merchant),
        customer_id=factories.customer(engine, preferred_language=customers),
        enrolled_at_store_id=store,
    )
    run(engine)
    found = rows(engine, "select language, merchant_id, store_id from loyalty.email_logs")
    assert found == [(language, merchant, store)]


def test_one_row_that_cannot_be_added_up_stops_no_other(engine, stamps_card):
    row = {"merchant_id": 1, "card_id": stamps_card, "transaction_type": "stamp_earned"}
    factories.insert(
        engine,
        "loyalty_transactions",
        row | {"stamps_delta": -(2**31), "stamps_balance_after": 2**31 - 1},
    )
    given = bonus(engine, stamps_card)
    run(engine)
    assert keys(engine) == [f"welcome_bonus:{given}"]


def test_no_name_and_no_address_goes_into_a_mails_row(engine, at):
    at(NOW)
    customer = factories.customer(engine, email="kanari@example.org", first_name="Kanari")
    program = factories.program(engine, stamps_target=1)
    card = factories.card(engine, program, customer_id=customer)
    bonus(engine, card)
    stamp(engine, card)
    assert run(engine).mails == 3
    assert "kanari" not in str(rows(engine, "select m::text from loyalty.email_logs m")).lower()
    assert violations(engine, None) == []


def test_mail_without_a_template_waits_and_does_not_fail(engine, at, monkeypatch):
    at(NOW)
    monkeypatch.setattr("include.mail.outbox.DECLARED_VARIABLES", {"loyalty_points_expired": ()})
    factories.card(engine)
    run(engine)
    with scripted_server() as server:
        send_due(engine, server.as_mail_server(), named_ids=iter([[1]]))
    assert rows(engine, "select status, attempts from loyalty.email_logs") == [("queued", 0)]
    assert server.connections == 0


def test_daily_run_beside_lifecycle_runs_closes_and_proves_itself(engine, at):
    at(NOW)
    factories.card(engine, points=70, last_activity_at="2025-01-01T12:00:00+00:00")
    run(engine)
    daily = run_day(engine, NOW)
    assert violations(engine, None) == []
    # One sequence numbers both, so that files and mails belong to one run of either table.
    assert rows(engine, "select id from loyalty.lifecycle_runs") == [(daily - 1,)]
