"""A warning that failed is for the next day's run, whatever is repeated on the same day."""

from __future__ import annotations

import pytest

from include.cohorts import carry_out, select_cohort
from include.mail.figures import SendFigures
from include.mail.sending import send_due
from include.runs import RunRequest, open_run
from tests import factories
from tests.day import run_day
from tests.mail.rows import one, rows, run
from tests.mail.scripted_server import Step, scripted_server
from tests.rows import skips

# 2025-01-15 + 365 days = due 2026-01-15; the stage of 14 days is reached on 2026-01-01.
ACTIVE_AT = "2025-01-15T12:00:00+00:00"
QUEUED = "select count(*) from loyalty.email_logs where status = 'queued'"


@pytest.fixture
def warned_card(engine, at):
    """A card whose warning was put off four times on 1 January, by 02:07."""
    card_id = factories.card(engine, last_activity_at=ACTIVE_AT)
    at("2026-01-01T02:00:00+00:00")
    run_day(engine, "2026-01-01T02:00:00+00:00")
    with scripted_server(*[Step(rcpt="450 busy")] * 4) as server:
        for minute in (0, 1, 3, 7):
            at(f"2026-01-01T02:{minute:02}:00+00:00")
            send_due(engine, server.as_mail_server(), named_ids=None)
    assert one(engine, "select status from loyalty.email_logs") == "failed"
    return card_id


@pytest.mark.parametrize("again_at", ["2026-01-01T02:08:00+00:00", "2026-01-01T23:59:59+00:00"])
def test_failed_warning_is_not_queued_again_on_its_day(engine, at, warned_card, again_at):
    at(again_at)
    run_day(engine, "2026-01-01T02:00:00+00:00", dag_run_id="repeat")
    run_day(engine, again_at, dag_run_id="another")
    assert one(engine, QUEUED) == 0


def test_failed_warning_is_queued_again_by_the_next_day_under_its_message_id(
    engine, at, warned_card
):
    first = one(engine, "select message_id from loyalty.email_logs")
    at("2026-01-02T02:00:00+00:00")
    run_day(engine, "2026-01-02T02:00:00+00:00")
    with scripted_server() as server:
        assert send_due(engine, server.as_mail_server(), named_ids=None) == SendFigures(sent=1)
    assert [mail["Message-ID"] for mail in server.mails] == [first]
    assert rows(engine, "select attempts, status from loyalty.email_logs") == [(1, "sent")]


def test_warning_that_fails_between_plan_and_deed_is_skipped(engine, at, warned_card):
    as_of = at("2026-01-01T03:00:00+00:00")
    run(engine, "update loyalty.expiration_notices set failed_on = null")
    run_id = open_run(engine, RunRequest("loyalty_points_expiration", "late", as_of))
    select_cohort(engine, run_id, "warning")
    run(engine, "update loyalty.expiration_notices set failed_on = '2026-01-01'")
    carry_out(engine, run_id, "warning")
    assert one(engine, QUEUED) == 0
    assert skips(engine, run_id) == [("warning", warned_card, "already_warned")]
