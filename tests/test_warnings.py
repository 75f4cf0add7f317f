"""Which warning is queued, when, and what a warning promises."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from include.cohorts import carry_out, select_cohort
from include.runs import RunRequest, open_run, read_report
from tests import factories
from tests.day import run_day
from tests.rows import balance, execute, rows, skips

# 2025-01-15 + 365 days = due 2026-01-15; the stage of 14 days is reached on 2026-01-01.
ACTIVE_AT = "2025-01-15T12:00:00+00:00"


def warnings(engine):
    return rows(
        engine,
        "select card_id, stage_days, due_on, points from loyalty.expiration_warnings"
        " order by run_id, card_id",
    )


def run_days(engine, at, *days):
    for day in days:
        at(f"{day}T02:00:00+00:00")
        run_day(engine, f"{day}T02:00:00+00:00")


def accept_mails(engine, on_day):
    """Stand in for the mail server: it accepts every queued warning, which names its date."""
    execute(
        engine,
        "update loyalty.expiration_notices as notices set opened_on = %(day)s::date,"
        " promised_on = (mails.variables ->> 'expiration_date')::date,"
        " named_on = (mails.variables ->> 'expiration_date')::date"
        " from loyalty.email_logs as mails"
        " where mails.id = notices.email_log_id and mails.status = 'queued'",
        day=on_day,
    )
    execute(
        engine,
        "update loyalty.email_logs set status = 'sent', sent_at = %(at)s::timestamptz"
        " where status = 'queued'",
        at=f"{on_day}T03:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("time_zone", "as_of", "is_warned"),
    [
        # Jan 1 begins in Luxembourg (UTC+1) at 23:00 UTC of Dec 31.
        ("Europe/Luxembourg", "2025-12-31T22:59:59+00:00", False),
        ("Europe/Luxembourg", "2025-12-31T23:00:00+00:00", True),
        ("Europe/Luxembourg", "2026-01-01T23:00:00+00:00", True),
        # In New York (UTC-5) at 05:00 UTC of Jan 1.
        ("America/New_York", "2026-01-01T04:59:59+00:00", False),
        ("America/New_York", "2026-01-01T05:00:00+00:00", True),
        ("America/New_York", "2026-01-02T05:00:00+00:00", True),
        # 12:00 UTC of Jan 15 is Jan 16 in Auckland (UTC+13): reached on Jan 2, which begins there
        # at 11:00 UTC of Jan 1.
        ("Pacific/Auckland", "2026-01-01T10:59:59+00:00", False),
        ("Pacific/Auckland", "2026-01-01T11:00:00+00:00", True),
        ("Pacific/Auckland", "2026-01-02T11:00:00+00:00", True),
    ],
)
def test_warning_falls_on_the_local_day_of_its_stage(engine, at, time_zone, as_of, is_warned):
    program = factories.program(engine, time_zone=time_zone)
    factories.card(engine, program, last_activity_at=ACTIVE_AT)
    at(as_of)
    run_day(engine, as_of)
    assert len(warnings(engine)) == is_warned


def test_warning_queues_one_mail_and_stamps_the_card(engine, at):
    store = factories.store(engine, factories.merchant(engine), default_language="fr")
    customer = factories.customer(engine, preferred_language=None)
    card = factories.card(
        engine,
        points=70,
        last_activity_at=ACTIVE_AT,
        customer_id=customer,
        enrolled_at_store_id=store,
    )
    at("2026-01-01T02:00:05+00:00")
    run_id = run_day(engine, "2026-01-01T02:00:00+00:00")
    assert warnings(engine) == [(card, 14, date(2026, 1, 15), 70)]
    assert rows(
        engine,
        "select template_code, language, card_id, occurrence_key, status, run_id, variables"
        " from loyalty.email_logs",
    ) == [
        (
            "loyalty_points_expiring", "fr", card,
            f"warning:{card}:20250115T120000.000000Z:14", "queued", run_id,
            {"points": 70, "expiration_date": "2026-01-15", "inactivity_days": 365},
        )
    ]  # fmt: skip
    assert rows(
        engine,
        "select last_expiration_warning_at, last_activity_at, points_balance"
        " from loyalty.loyalty_cards",
    ) == [
        (datetime(2026, 1, 1, 2, 0, 5, tzinfo=UTC), datetime(2025, 1, 15, 12, tzinfo=UTC), 70)
    ]  # fmt: skip


def test_each_stage_warns_once(engine, at):
    program = factories.program(engine, warning_days=[14, 3])
    card = factories.card(engine, program, last_activity_at=ACTIVE_AT)
    run_days(engine, at, "2026-01-01", "2026-01-02", "2026-01-11", "2026-01-12", "2026-01-13")
    # 15 - 14 = Jan 1 and 15 - 3 = Jan 12.
    assert warnings(engine) == [
        (card, 14, date(2026, 1, 15), 100), (card, 3, date(2026, 1, 15), 100),
    ]  # fmt: skip


def test_late_run_sends_only_the_latest_stage(engine, at):
    program = factories.program(engine, warning_days=[30, 14, 3])
    card = factories.card(engine, program, last_activity_at=ACTIVE_AT)
    run_days(engine, at, "2026-01-13", "2026-01-14")
    assert warnings(engine) == [(card, 3, date(2026, 1, 15), 100)]


def test_days_made_up_at_once_warn_once(engine, at):
    program = factories.program(engine, warning_days=[14, 3])
    card = factories.card(engine, program, last_activity_at=ACTIVE_AT)
    at("2026-01-13T02:00:00+00:00")
    for day in range(1, 14):
        run_day(engine, f"2026-01-{day:02}T02:00:00+00:00")
    assert warnings(engine) == [(card, 3, date(2026, 1, 15), 100)]


def test_warning_whose_date_has_passed_is_not_queued(engine, at):
    factories.card(engine, last_activity_at=ACTIVE_AT)
    at("2026-01-16T02:00:00+00:00")
    run_day(engine, "2026-01-10T02:00:00+00:00")
    assert warnings(engine) == []


def test_stage_beyond_the_expiration_days_is_cut_and_flagged(engine, at):
    program = factories.program(engine, points_expiration_days=10, warning_days=[14])
    card = factories.card(engine, program, last_activity_at="2026-01-01T12:00:00+00:00")
    run_days(engine, at, "2026-01-01", "2026-01-02")
    # Due 2026-01-11; 14 is cut to 10 - 1 = 9 days, reached on 11 - 9 = Jan 2.
    assert warnings(engine) == [(card, 9, date(2026, 1, 11), 100)]
    assert read_report(engine, 2)[0]["stages_cut"] is True


def test_activity_begins_a_new_cycle_with_its_own_warning(engine, at):
    program = factories.program(engine, points_expiration_days=20, warning_days=[5])
    card = factories.card(engine, program, last_activity_at="2026-01-01T12:00:00+00:00")
    run_days(engine, at, "2026-01-16")
    factories.earn(engine, card, 10, "2026-01-17T12:00:00+00:00")
    run_days(engine, at, "2026-01-31", "2026-02-01", "2026-02-02")
    # Due Jan 1 + 20 = 21, warned on 16; then due Jan 17 + 20 = Feb 6, warned on Feb 1.
    assert warnings(engine) == [
        (card, 5, date(2026, 1, 21), 100), (card, 5, date(2026, 2, 6), 110),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("update loyalty.loyalty_cards set last_activity_at = '2026-01-01 01:00+00'", "came_back"),
        ("update loyalty.loyalty_cards set points_balance = 0", "emptied"),
        ("update loyalty.loyalty_cards set is_active = false", "deactivated"),
        ("update loyalty.loyalty_programs set points_expiration_days = 500", "settings_changed"),
    ],
)
def test_change_between_plan_and_mail_is_a_skip_with_its_reason(engine, at, change, reason):
    now = at("2026-01-01T02:00:00+00:00")
    card = factories.card(engine, last_activity_at=ACTIVE_AT)
    run_id = open_run(engine, RunRequest("warn", "manual", now))
    select_cohort(engine, run_id, "warning")
    execute(engine, change)
    carry_out(engine, run_id, "warning")
    assert skips(engine, run_id) == [("warning", card, reason)]
    assert rows(engine, "select count(*) from loyalty.email_logs") == [(0,)]


def test_superseded_warning_is_queued_again_in_the_same_row(engine, at):
    card = factories.card(engine, last_activity_at=ACTIVE_AT)
    run_days(engine, at, "2026-01-01")
    execute(engine, "update loyalty.email_logs set status = 'superseded'")
    run_days(engine, at, "2026-01-02", "2026-01-03")
    assert [warning[0] for warning in warnings(engine)] == [card, card]
    assert rows(engine, "select status, run_id from loyalty.email_logs") == [("queued", 2)]


def test_promise_is_kept_when_the_days_are_shortened(engine, at):
    card = factories.card(engine, last_activity_at=ACTIVE_AT)
    run_days(engine, at, "2026-01-01")
    accept_mails(engine, "2026-01-01")
    # By 300 days the points would have been due 2025-11-11, but the mail promised Jan 15.
    execute(engine, "update loyalty.loyalty_programs set points_expiration_days = 300")
    run_days(engine, at, "2026-01-02", "2026-01-15")
    assert balance(engine, card) == 100
    run_days(engine, at, "2026-01-16")
    assert balance(engine, card) == 0


def test_minimum_notice_keeps_the_gate_closed_until_the_mail_is_accepted(engine, at):
    program = factories.program(engine, min_notice_days=7)
    card = factories.card(engine, program, last_activity_at=ACTIVE_AT)
    # The mail server is down from Jan 1 on: the warning stays queued and opens nothing.
    run_days(engine, at, "2026-01-01", "2026-01-16", "2026-02-20")
    assert balance(engine, card) == 100
    assert len(warnings(engine)) == 1


def test_minimum_notice_runs_its_days_from_the_opening(engine, at):
    program = factories.program(engine, min_notice_days=7)
    card = factories.card(engine, program, last_activity_at=ACTIVE_AT)
    run_days(engine, at, "2026-01-12")
    accept_mails(engine, "2026-01-12")
    # Sent on Jan 12: usable until max(Jan 15, 12 + 7) = Jan 19.
    assert rows(engine, "select promised_on from loyalty.expiration_notices") == [
        (date(2026, 1, 19),)
    ]
    run_days(engine, at, "2026-01-16", "2026-01-19")
    assert balance(engine, card) == 100
    run_days(engine, at, "2026-01-20")
    assert balance(engine, card) == 0


def test_minimum_notice_warns_even_after_the_due_date(engine, at):
    program = factories.program(engine, min_notice_days=7)
    card = factories.card(engine, program, last_activity_at=ACTIVE_AT)
    run_days(engine, at, "2026-02-01")
    # Nobody warned before: Feb 1 + 7 = Feb 8.
    assert rows(engine, "select variables ->> 'expiration_date' from loyalty.email_logs") == [
        ("2026-02-08",)
    ]
    assert balance(engine, card) == 100
