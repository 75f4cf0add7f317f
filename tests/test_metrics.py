"""What a StatsD server hears of a run, by the client that Airflow uses."""

from __future__ import annotations

import logging

import pytest

from include import metrics
from include.database import connect
from include.mail.figures import SendFigures
from include.progress import Standing
from tests import factories
from tests.day import run_day
from tests.mail import rows as mail_rows
from tests.statsd_listener import statsd_listener

AS_OF = "2026-03-02T02:00:00+00:00"


@pytest.fixture
def listener(monkeypatch):
    with statsd_listener() as listener:
        for name, value in listener.settings.items():
            monkeypatch.setenv(name, value)
        metrics.initialise()
        yield listener
    monkeypatch.undo()
    metrics.initialise()


def test_closed_run_tells_cards_points_and_its_lag(engine, at, listener):
    at("2026-03-02T05:30:00+00:00")
    factories.card(engine, points=70)  # due on 1 January 2026
    # Due on 12 March 2026, ten days ahead.
    factories.card(engine, points=30, last_activity_at="2025-03-12T12:00:00+00:00")
    metrics.run_closed(engine, run_day(engine, AS_OF))
    assert listener.heard() == {
        "daily_run.lag_seconds": 12600.0,  # 02:00 to 05:30
        "daily_run.duration_seconds": 0.0,
        "daily_run.cards_warned": 1.0,
        "daily_run.points_warned": 30.0,
        "daily_run.cards_expired": 1.0,
        "daily_run.points_expired": 70.0,
        "daily_run.cards_skipped": 0.0,
        "daily_run.programs_held": 0.0,
        "daily_run.cards_held": 0.0,
        "daily_run.points_held": 0.0,
        "daily_run.cards_reinstated": 0.0,
        "daily_run.points_reinstated": 0.0,
    }


def test_held_program_tells_what_it_keeps_back(engine, at, listener):
    at(AS_OF)
    program = factories.program(engine, size_check_cards=1)
    for points in (70, 30):
        factories.card(engine, program, points=points)
    metrics.run_closed(engine, run_day(engine, AS_OF))
    heard = listener.heard()
    told = [heard[f"daily_run.{name}"] for name in ("programs_held", "cards_held", "points_held")]
    assert (told, heard["daily_run.cards_expired"]) == ([1.0, 2.0, 100.0], 0.0)


def test_dry_run_tells_nothing(engine, at, listener):
    at(AS_OF)
    factories.card(engine)
    metrics.run_closed(engine, run_day(engine, AS_OF, dry_run=True))
    assert listener.heard() == {}


def test_outbox_tells_what_waits_and_the_oldest_age(engine, listener, monkeypatch):
    monkeypatch.setenv("LOYALTY_NOW", mail_rows.NOW)
    card_id = mail_rows.card(engine)
    for number, (status, queued_at) in enumerate(
        [("queued", "11:00"), ("deferred", "10:30"), ("queued", "11:59"), ("sent", "09:00")]
    ):
        mail_rows.expired(
            engine,
            card_id,
            key=f"expired:{number}",
            status=status,
            queued_at=f"2024-03-10T{queued_at}:00+00:00",
        )
    metrics.outbox(engine)
    # It is noon.
    assert listener.heard() == {
        "outbox.queued": 2.0,
        "outbox.sending": 0.0,
        "outbox.deferred": 1.0,
        "outbox.oldest_seconds": 5400.0,
    }


def test_empty_outbox_has_no_age(engine, listener):
    metrics.outbox(engine)
    assert set(listener.heard().values()) == {0.0}


def test_mails_are_counted_by_status(listener):
    for _ in range(2):
        metrics.mails(vars(SendFigures(sent=3, failed=1)))
    assert listener.heard() == {"mails.sent": 6.0, "mails.failed": 2.0}


def test_progress_tells_rate_share_and_time_left(listener):
    tell = metrics.progress("expiry")
    tell(Standing(done=10, per_second=2.5, share=0.25, seconds_left=12.0))
    tell(Standing(done=10, per_second=0.0, share=0.25, seconds_left=None))
    assert listener.heard() == {
        "progress.expiry.per_second": 0.0,
        "progress.expiry.share_done": 0.25,
        "progress.expiry.seconds_left": 12.0,
    }


def test_nothing_is_sent_unless_airflow_is_told_to(engine):
    with statsd_listener() as listener:
        metrics.initialise()
        metrics.outbox(engine)
        metrics.mails({"sent": 1})
        assert listener.heard() == {}


def test_metric_that_cannot_be_measured_or_sent_fails_no_task(listener, monkeypatch, caplog):
    nowhere = connect("postgresql+psycopg2://nobody@127.0.0.1:9/none")
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_PORT", "no number")
    metrics.initialise()
    with caplog.at_level(logging.WARNING):
        metrics.run_closed(nowhere, 1)
        metrics.outbox(nowhere)
        metrics.mails({"sent": 1})
    assert len(caplog.records) == 3
    assert all("the work is not affected" in record.getMessage() for record in caplog.records)
