"""A run's identity: repeated, continued, skipped and refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include import runs
from include.cohorts import carry_out, select_cohort
from include.database import connect
from include.errors import (
    ConfigurationError,
    DatabaseUnreachableError,
    InvalidInstantError,
    ReconcileError,
    SchemaError,
)
from include.mail.outbox import claim, open_sender
from include.reconcile import violations
from include.runs import RunRequest, open_run, resolve_as_of
from tests import factories
from tests.day import run_day
from tests.rows import execute, fingerprint, rows

AS_OF = "2026-01-02T02:00:00+00:00"
INSTANT = datetime(2026, 1, 2, 2, tzinfo=UTC)
REQUEST = RunRequest("runs", "manual", INSTANT)


def deeds(engine):
    """Balances, expirations and mails, without who did them and when."""
    return (
        rows(
            engine,
            "select id, points_balance, total_points_voided, last_activity_at"
            " from loyalty.loyalty_cards order by id",
        ),
        rows(
            engine,
            "select card_id, cycle_started_at, due_on, points from loyalty.expirations"
            " order by card_id, cycle_started_at",
        ),
    )


def populate(engine):
    """Cards that fall due on ten days in a row, in two time zones."""
    for zone in ("Europe/Luxembourg", "America/New_York"):
        program = factories.program(engine, time_zone=zone)
        for day in range(1, 11):
            factories.card(
                engine, program, points=day, last_activity_at=f"2025-01-{day:02}T03:00:00+00:00"
            )


def test_second_run_posts_nothing_and_the_first_report_stands(engine, at):
    at(AS_OF)
    factories.card(engine)
    first = run_day(engine, AS_OF, dag_run_id="a")
    report = rows(engine, "select runs::text from loyalty.expiration_runs as runs")
    done = deeds(engine), rows(engine, "select count(*) from loyalty.email_logs")
    second = run_day(engine, AS_OF, dag_run_id="b")
    assert (deeds(engine), rows(engine, "select count(*) from loyalty.email_logs")) == done
    statement = "select runs::text from loyalty.expiration_runs as runs where id = %(run_id)s"
    assert rows(engine, statement, run_id=first) == report
    figures = "select id, cards_expired, points_expired from loyalty.expiration_runs order by id"
    assert rows(engine, figures) == [(first, 1, 100), (second, 0, 0)]


def test_repeated_run_opens_a_new_attempt(engine, at):
    at(AS_OF)
    factories.card(engine)
    run_day(engine, AS_OF, dag_run_id="a")
    run_day(engine, AS_OF, dag_run_id="a")
    assert rows(
        engine, "select attempt, status, cards_expired from loyalty.expiration_runs order by id"
    ) == [(1, "closed", 1), (2, "closed", 0)]
    assert violations(engine, None) == []


def test_continued_run_goes_on_where_it_stopped(engine, at, monkeypatch):
    at(AS_OF)
    monkeypatch.setenv("LOYALTY_CHUNK_SIZE", "1")
    program = factories.program(engine)
    cards = [factories.card(engine, program) for _ in range(2)]
    run_id = open_run(engine, REQUEST)
    select_cohort(engine, run_id, "expiry")
    with engine.begin() as till, pytest.MonkeyPatch.context() as patch:
        till.exec_driver_sql(
            "select from loyalty.loyalty_cards where id = %s for update", (cards[1],)
        )
        patch.setattr("include.cohorts._last_pass", interrupt)
        with pytest.raises(InterruptedError):
            carry_out(engine, run_id, "expiry")
    assert open_run(engine, REQUEST) == run_id
    assert select_cohort(engine, run_id, "expiry").cards_planned == 2
    for _ in range(2):
        assert vars(carry_out(engine, run_id, "expiry")) == {
            "cards_done": 2, "points_done": 200, "cards_skipped": 0,
        }  # fmt: skip
    assert rows(
        engine,
        "select card_id, count(*) from loyalty.loyalty_transactions"
        " where transaction_type = 'points_expired' group by card_id order by card_id",
    ) == [(cards[0], 1), (cards[1], 1)]


def interrupt(*_):
    raise InterruptedError


def test_stages_of_a_closed_run_change_nothing(engine, at):
    at(AS_OF)
    factories.card(engine)
    run_id = run_day(engine, AS_OF)
    factories.card(engine)
    before = fingerprint(engine)
    assert select_cohort(engine, run_id, "expiry").cards_planned == 1
    assert carry_out(engine, run_id, "expiry").cards_done == 1
    assert fingerprint(engine) == before


def test_the_last_run_alone_equals_eleven_runs(engine, at, other_engine):
    populate(engine)
    for day in range(1, 12):
        at(f"2026-01-{day:02}T12:00:00+00:00")
        run_day(engine, f"2026-01-{day:02}T12:00:00+00:00")
    populate(other_engine)
    run_day(other_engine, "2026-01-11T12:00:00+00:00")
    expected = deeds(other_engine)
    assert deeds(engine) == expected
    # Two programs of 1 + 2 + … + 10 = 55 points each: all are past due on the 11th.
    assert sum(expiration[3] for expiration in expected[1]) == 110


def test_days_made_up_backwards_equal_days_in_order(engine, at, other_engine):
    at("2026-01-11T12:00:00+00:00")
    populate(engine)
    for day in range(1, 12):
        run_day(engine, f"2026-01-{day:02}T12:00:00+00:00")
    populate(other_engine)
    for day in reversed(range(1, 12)):
        run_day(other_engine, f"2026-01-{day:02}T12:00:00+00:00")
    expected = deeds(other_engine)
    assert deeds(engine) == expected


def test_as_of_in_the_future_is_refused(engine, at):
    at(AS_OF)
    factories.card(engine)
    before = fingerprint(engine)
    with pytest.raises(InvalidInstantError, match="2035-01-02"):
        run_day(engine, "2035-01-02T02:00:00+00:00")
    with pytest.raises(InvalidInstantError):
        run_day(engine, "2026-01-02T02:05:01+00:00")
    assert fingerprint(engine) == before


def test_as_of_within_five_minutes_is_accepted(engine, at):
    at(AS_OF)
    run_day(engine, "2026-01-02T02:05:00+00:00")
    assert rows(engine, "select status from loyalty.expiration_runs") == [("closed",)]


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01T00:00:00+00:00", "2026-01-02T02:00:00"])
def test_unreadable_as_of_is_refused(text):
    with pytest.raises(InvalidInstantError, match="as_of"):
        resolve_as_of(text, INSTANT, INSTANT)


def test_as_of_is_the_parameter_then_the_logical_date_then_run_after():
    later = datetime(2026, 1, 3, 2, tzinfo=UTC)
    assert resolve_as_of(AS_OF, later, later) == INSTANT
    assert resolve_as_of(None, INSTANT, later) == INSTANT
    assert resolve_as_of("", None, INSTANT) == INSTANT
    with pytest.raises(ConfigurationError):
        resolve_as_of(None, None, None)


@pytest.mark.parametrize("text", ["2999-01-01T00:00:00+00:00", "tomorrow", "2026-01-02T02:00:00"])
def test_clock_that_is_ahead_or_unreadable_is_refused(engine, monkeypatch, text):
    factories.card(engine)
    before = fingerprint(engine)
    monkeypatch.setenv("LOYALTY_NOW", text)
    with pytest.raises(InvalidInstantError, match="LOYALTY_NOW"):
        run_day(engine, AS_OF)
    assert fingerprint(engine) == before


def test_database_without_the_schema_is_refused_and_left_alone(empty_database):
    with pytest.raises(SchemaError, match="make migrate"):
        run_day(empty_database, AS_OF)
    statement = "select count(*) from pg_namespace where nspname = 'loyalty'"
    assert rows(empty_database, statement) == [(0,)]


def test_unreachable_database_is_named_without_its_password():
    engine = connect("postgresql+psycopg2://loyalty:hidden@127.0.0.1:1/shop")
    with pytest.raises(DatabaseUnreachableError, match=r"127\.0\.0\.1:1/shop") as refusal:
        run_day(engine, AS_OF)
    assert "hidden" not in str(refusal.value)


def test_run_whose_report_differs_from_the_ledger_stays_open(engine, at, monkeypatch):
    at("2026-01-02T02:00:00+00:00")
    factories.card(engine, points=50, last_activity_at="2024-12-01T12:00:00+00:00")
    real_stage = runs.run_stage

    def miscounting(connection, stage, binds):
        done = real_stage(connection, stage, binds)
        if stage == "close_run":
            # As somebody with the owner's rights might: the pipeline's role is refused.
            connection.exec_driver_sql("reset role")
            connection.exec_driver_sql(
                "update loyalty.expiration_run_programs set points_expired = 49"
            )
            connection.exec_driver_sql("set local role loyalty_pipeline")
        return done

    monkeypatch.setattr(runs, "run_stage", miscounting)
    with pytest.raises(ReconcileError, match="10_report_equals_ledger"):
        run_day(engine, datetime(2026, 1, 2, 2, tzinfo=UTC))
    assert rows(engine, "select status from loyalty.expiration_runs") == [("open",)]


def test_merchants_that_do_not_exist_are_refused_and_no_run_is_opened(engine, at):
    at(AS_OF)
    known = factories.merchant(engine)
    request = RunRequest("runs", "manual", INSTANT, merchant_ids=(known, 998, 999))
    with pytest.raises(ConfigurationError, match="no merchant: 998, 999"):
        open_run(engine, request)
    assert rows(engine, "select * from loyalty.expiration_runs") == []


NULL_SETTINGS = """
    alter table loyalty.loyalty_programs
        alter warning_days drop not null, alter min_notice_days drop not null;
    update loyalty.loyalty_programs set warning_days = null, min_notice_days = null
"""


def test_settings_that_the_application_leaves_null_are_the_defaults(engine, at):
    """Points go after 365 days, warned 14 days before, without minimum notice."""
    program = factories.program(engine)
    gone = factories.card(engine, program)
    warned = factories.card(engine, program, last_activity_at="2025-01-10T12:00:00+00:00")
    execute(engine, NULL_SETTINGS)
    at(AS_OF)
    run_day(engine, AS_OF)
    assert rows(engine, "select card_id from loyalty.expirations") == [(gone,)]
    with open_sender(engine) as sender:
        mails = claim(sender, sent_at=INSTANT).mails
    assert len(mails) == 2
    named = "select card_id, named_on::text from loyalty.expiration_notices"
    assert rows(engine, named) == [(warned, "2026-01-10")]
    assert violations(engine, None) == []


@pytest.mark.parametrize(
    ("table", "reason"),
    [("loyalty_programs", "program_inactive"), ("merchants", "merchant_inactive")],
)
def test_what_is_not_known_to_be_active_takes_no_part(engine, at, table, reason):
    factories.card(engine)
    execute(engine, f"alter table loyalty.{table} alter is_active drop not null")
    execute(engine, f"update loyalty.{table} set is_active = null")
    at(AS_OF)
    run_day(engine, AS_OF)
    exempt = "select exempt_reason, expiry_cards_planned from loyalty.expiration_run_programs"
    assert rows(engine, exempt) == [(reason, 0)]


def test_time_zones_are_known_by_the_names_of_the_catalogue_and_no_other(engine):
    named = rows(engine, "select name, loyalty.is_time_zone(lower(name)) from pg_timezone_names")
    assert len(named) > 400
    assert all(is_known for _, is_known in named)
    others = (
        *("Mars/Phobos", "America", "America/", "/Luxembourg", "Europe//Paris", "CEST", "UTC+3"),
        *("Europe/Luxembourg ", "+01:00", "<x>-3", "EST5EDT,M3.2.0,M11.1.0", "", "Europe/../UTC"),
    )
    for name in others:
        assert rows(engine, "select loyalty.is_time_zone(%(name)s)", name=name) == [(False,)], name
