"""Scenes of one or two due cards, and the judge of what becomes of them."""

from __future__ import annotations

import pytest

from include.database import Limits
from tests.interleavings.application import AT
from tests.interleavings.judging import Judge


@pytest.fixture
def judge(engine, at, monkeypatch):
    # A play may pause a till for as long as a busy machine needs for the other sessions' steps.
    monkeypatch.setattr("include.cohorts.LAST_PASS", Limits(lock_timeout="60s"))
    monkeypatch.setattr("include.cohorts.HOLDING", Limits(lock_timeout="250ms"))
    # A transaction of its own that no session of a play has anything to do with.
    monkeypatch.setattr("include.mail.outbox._known_time_zones", lambda _engine: ["UTC"])
    at(AT)
    return Judge(engine)
