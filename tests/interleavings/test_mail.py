"""Senders, the recovery of their mails, and an expiry of the same cycle, in every order."""

from __future__ import annotations

import pytest

from include.cohorts import carry_out
from include.runs import close_run
from tests import factories
from tests.interleavings.gates import SILENT
from tests.interleavings.pipeline import (
    AFTER_LOCKING,
    WITHIN_CHUNK,
    WITHIN_CLAIM,
    carrying_out,
    die_while_sending,
    planned,
    send,
    take_back,
)
from tests.rows import execute


@pytest.fixture
def expiry(engine):
    """A planned expiry of a card whose queued warning will name a later date.

    Under 400 days the points go after 2026-02-05, and so says the warning; then the program is
    cut to 365 days, and the card is due since 2026-01-01, unless the warning is sent before.
    """
    program = factories.program(engine, points_expiration_days=400, warning_days=[60])
    factories.card(engine, program, last_activity_at="2025-01-01T12:00:00+00:00")
    warning = planned(engine, "warning", "warned")
    carry_out(engine, warning, "warning")
    close_run(engine, warning)
    execute(engine, "update loyalty.loyalty_programs set points_expiration_days = 365")
    return carrying_out(planned(engine, "expiry"), "expiry")


def test_sent_warning_keeps_its_promise_against_an_expiry_under_way(engine, judge, expiry):
    judge.silent = SILENT | WITHIN_CHUNK | WITHIN_CLAIM
    judge.dispensable = "sender"
    verdict = judge.judge(expiry=expiry, sender=send)
    assert verdict.faults == []
    assert verdict.blocked > 0


def test_dead_senders_warning_keeps_its_promise_too(engine, judge, expiry):
    # One step for each transaction's statements and one for its commit; one for the death.
    judge.silent = (SILENT | WITHIN_CHUNK | WITHIN_CLAIM | AFTER_LOCKING) - {"close_sender"}
    judge.dispensable = "sender"
    verdict = judge.judge(expiry=expiry, sender=die_while_sending, recovery=take_back)
    assert verdict.faults == []
    assert verdict.blocked > 0
