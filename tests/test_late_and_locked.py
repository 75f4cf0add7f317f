"""Cases where the clock, a lock or a mail under way stands between the plan and the deed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from include import cohorts, runs
from include.database import CHUNK, CLAIMING, HOLDING, HURRIED, LAST_PASS, Limits, statements
from include.errors import InvalidInstantError
from include.mail.figures import SendFigures
from include.mail.outbox import recover
from include.mail.sending import send_due
from tests import factories
from tests.day import run_day
from tests.mail.scripted_server import scripted_server
from tests.rows import balance, execute, rows, skips

AS_OF = datetime(2026, 7, 2, 2, tzinfo=UTC)


def test_points_are_kept_while_their_last_local_day_still_runs(engine, at):
    # 1 July 2025 + 365 days = 1 July 2026; it is 23:57 on that day, as_of four minutes later.
    card = factories.card(engine, points=50, last_activity_at="2025-07-01T12:00:00+00:00")
    at("2026-07-01T23:57:00+00:00")
    run_day(engine, datetime(2026, 7, 2, 0, 1, tzinfo=UTC), dag_run_id="ahead")
    assert balance(engine, card) == 50
    at("2026-07-02T02:00:00+00:00")
    run_day(engine, AS_OF, dag_run_id="after")
    assert balance(engine, card) == 0


def test_date_named_by_a_warning_under_way_is_kept(engine, at):
    program = factories.program(engine, points_expiration_days=400)
    card = factories.card(engine, program, points=50, last_activity_at="2025-05-20T12:00:00+00:00")
    # 20 May 2025 + 400 days = 24 June 2026: warned on the 12th, 12 days ahead.
    at("2026-06-12T02:00:00+00:00")
    run_day(engine, datetime(2026, 6, 12, 2, tzinfo=UTC), dag_run_id="warned")
    for statement in (
        "update loyalty.email_logs set status = 'sending', sender_id = 1",
        "update loyalty.expiration_notices set named_on = '2026-06-24'",
        "update loyalty.loyalty_programs set points_expiration_days = 365",
    ):
        execute(engine, statement)
    run_day(engine, datetime(2026, 6, 12, 2, tzinfo=UTC), dag_run_id="shortened")
    assert balance(engine, card) == 50
    at("2026-06-25T02:00:00+00:00")
    run_day(engine, datetime(2026, 6, 25, 2, tzinfo=UTC), dag_run_id="over")
    assert balance(engine, card) == 0


def test_only_the_latest_stage_reached_on_the_sending_day_goes(engine, at):
    program = factories.program(engine, points_expiration_days=30, warning_days=[14, 7])
    factories.card(engine, program, last_activity_at="2026-06-01T12:00:00+00:00")
    # Due on 1 July. Stage 14 is queued on 17 June and not sent; on 25 June stage 7 is reached.
    at("2026-06-17T02:00:00+00:00")
    run_day(engine, datetime(2026, 6, 17, 2, tzinfo=UTC), dag_run_id="first")
    at("2026-06-25T02:00:00+00:00")
    with scripted_server() as server:
        sent = send_due(engine, server.as_mail_server(), named_ids=None)
        assert sent == SendFigures(superseded=1)
        run_day(engine, datetime(2026, 6, 25, 2, tzinfo=UTC), dag_run_id="second")
        assert send_due(engine, server.as_mail_server(), named_ids=None) == SendFigures(sent=1)
    assert len(server.mails) == 1


class HoldingFromData(list):
    """Commands of a server; at the first DATA the application locks the mails for a second."""

    def __init__(self, application) -> None:
        super().__init__()
        self.application = application

    def append(self, command: str) -> None:
        if command == "DATA" and command not in self:
            self.application.exec_driver_sql("select id from loyalty.email_logs for update")
            threading.Timer(1, self.application.rollback).start()
        super().append(command)


def test_outcome_is_recorded_although_the_application_holds_a_mails_row(engine, at):
    factories.card(engine, last_activity_at="2025-06-01T12:00:00+00:00")
    at(AS_OF.isoformat())
    run_day(engine, AS_OF, dag_run_id="day")
    with scripted_server() as server, engine.connect() as application:
        server.commands = HoldingFromData(application)
        assert send_due(engine, server.as_mail_server(), named_ids=None) == SendFigures(sent=1)
        assert send_due(engine, server.as_mail_server(), named_ids=None) == SendFigures()
    assert len(server.mails) == 1


def test_mail_that_the_application_itself_is_sending_is_left_alone(engine, at):
    execute(
        engine,
        "insert into loyalty.email_logs (template_code, language, status)"
        " values ('password_reset', 'en', 'sending')",
    )
    recover(engine, AS_OF)
    assert rows(engine, "select status from loyalty.email_logs") == [("sending",)]


def test_card_whose_customer_the_application_holds_is_skipped_without_a_deadlock(engine, at):
    at(AS_OF.isoformat())
    card = factories.card(engine, points=50, last_activity_at="2025-06-01T12:00:00+00:00")
    other = factories.card(engine, points=70, last_activity_at="2025-06-01T12:00:00+00:00")
    run = runs.open_run(engine, runs.RunRequest("d", "r", AS_OF))
    cohorts.select_cohort(engine, run, "expiry")
    with engine.connect() as application:
        application.exec_driver_sql(
            "select customers.id from loyalty.customers join loyalty.loyalty_cards"
            f" on customer_id = customers.id where loyalty_cards.id = {card}"
            " for update of customers"
        )
        cohorts.carry_out(engine, run, "expiry")
        # The application goes on to the card: nobody stands in its way.
        application.exec_driver_sql(
            f"update loyalty.loyalty_cards set card_number = 'mine' where id = {card}"
        )
        application.commit()
    assert (balance(engine, card), balance(engine, other)) == (50, 0)
    assert skips(engine, run) == [("expiry", card, "locked")]


def test_error_text_of_the_database_holds_no_bind(engine):
    with engine.connect() as connection, pytest.raises(OperationalError) as refused:
        connection.exec_driver_sql(
            "select set_config('statement_timeout', '1', false), %(who)s::text;select pg_sleep(1)",
            {"who": "canary@example.org"},
        )
    assert "canary@example.org" not in str(refused.value)


def test_absurd_expiration_days_stop_no_other_program(engine, at):
    at(AS_OF.isoformat())
    factories.program(engine, points_expiration_days=900_000)
    card = factories.card(engine, points=50, last_activity_at="2025-06-01T12:00:00+00:00")
    run_day(engine, AS_OF, dag_run_id="day")
    assert balance(engine, card) == 0


def test_instant_before_1970_is_refused(engine, at):
    at(AS_OF.isoformat())
    with pytest.raises(InvalidInstantError, match="before 1970"):
        run_day(engine, datetime(1, 1, 1, tzinfo=UTC), dag_run_id="typo")
    assert rows(engine, "select count(*) from loyalty.expiration_runs") == [(0,)]


@pytest.fixture
def held_cards(engine, at):
    """Five planned cards, all of them held by the application."""
    at(AS_OF.isoformat())
    program = factories.program(engine)
    cards = [
        factories.card(engine, program, last_activity_at="2025-06-01T12:00:00+00:00")
        for _ in range(5)
    ]
    run = runs.open_run(engine, runs.RunRequest("d", "r", AS_OF))
    cohorts.select_cohort(engine, run, "expiry")
    with engine.connect() as application:
        application.exec_driver_sql("select from loyalty.loyalty_cards for update")
        yield run, cards


def test_held_cards_are_looked_up_many_at_once(engine, held_cards, monkeypatch):
    run, cards = held_cards
    monkeypatch.setattr("include.cohorts.LAST_PASS", Limits(lock_timeout="1ms"))
    monkeypatch.setattr("include.cohorts.HELD_AT_ONCE", 2)
    looks = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_rest):
        if statement in statements("next_held_cards"):
            looks.append(statement)

    cohorts.carry_out(engine, run, "expiry")
    assert skips(engine, run) == [("expiry", card, "locked") for card in cards]
    # Two cards, two, one, and none.
    assert len(looks) == 4


def test_whoever_holds_cards_for_long_is_not_waited_for_at_each(engine, held_cards, monkeypatch):
    run, cards = held_cards
    # Waiting for as long as this would end in an error.
    endless = Limits(lock_timeout="1h", statement_timeout="5s")
    monkeypatch.setattr("include.cohorts.LAST_PASS", endless)
    monkeypatch.setattr("include.cohorts.PATIENCE_SECONDS", -1)
    cohorts.carry_out(engine, run, "expiry")
    assert skips(engine, run) == [("expiry", card, "locked") for card in cards]


@pytest.mark.parametrize("limits", [CHUNK, LAST_PASS, HURRIED, HOLDING, CLAIMING])
def test_whoever_freezes_with_cards_in_hand_loses_them_after_ten_seconds(limits):
    assert limits.idle_timeout == "10s"
