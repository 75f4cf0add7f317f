"""An expiry against everything the application may do at the same time, in every order."""

from __future__ import annotations

from datetime import datetime

import pytest

from include.cohorts import carry_out, select_cohort
from include.runs import RunRequest, open_run
from tests import factories
from tests.interleavings import application

# 2025-01-01 + 365 days = 2026-01-01 is due_on; the points go on 2026-01-02.
ACTIVE_AT = "2025-01-01T12:00:00+00:00"


def planned(engine, kind, dag_run_id="day"):
    run_id = open_run(
        engine, RunRequest("interleaving", dag_run_id, datetime.fromisoformat(application.AT))
    )
    select_cohort(engine, run_id, kind)
    return run_id


def job(run_id, kind):
    return lambda engine: carry_out(engine, run_id, kind)


@pytest.mark.parametrize(
    "deed",
    [
        application.earn, application.earn_ledger_first, application.redeem_all,
        application.adjust, application.stamp, application.deactivate, application.suppress,
        application.erase,
    ],
    ids=lambda deed: deed.__name__,
)  # fmt: skip
def test_expiry_beside(engine, judge, deed):
    card = factories.card(engine, last_activity_at=ACTIVE_AT)
    run = planned(engine, "expiry")
    verdict = judge.judge({"expiry": job(run, "expiry"), "till": deed(card)})
    print(verdict)
    assert verdict.faults == []
