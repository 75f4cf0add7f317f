"""`reconcile` proves a run before it is closed: what it counts, what it names, what it stops."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include.cohorts import carry_out, select_cohort
from include.errors import ReconcileError
from include.reconcile import reconcile
from include.runs import RunRequest, close_run, open_run
from tests import factories
from tests.day import run_day
from tests.rows import execute, fingerprint, rows
from tests.violations import AS_OF, PLANTED, day_to_break

ran = pytest.fixture(day_to_break)


def status(engine, run_id):
    statement = "select status from loyalty.expiration_runs where id = %(run_id)s"
    return rows(engine, statement, run_id=run_id)[0][0]


@pytest.mark.parametrize(
    "check", sorted(set(PLANTED) - {"01_balance_is_sum_of_ledger", "02_nothing_is_negative"})
)
def test_planted_violation_stops_the_run_it_touches(engine, ran, check):
    for statement in PLANTED[check]:
        execute(engine, statement)
    with pytest.raises(ReconcileError, match=check):
        reconcile(engine, ran)


def test_pipeline_that_does_nothing_is_found(engine, at):
    at(AS_OF)
    factories.card(engine)
    run_id = open_run(engine, RunRequest("checks", "idle", datetime(2026, 1, 2, 2, tzinfo=UTC)))
    told = "Clear the tasks select_cohort .*: card 1: expiry of 100 points is left by run 1"
    with pytest.raises(ReconcileError, match=told):
        reconcile(engine, run_id)
    assert status(engine, run_id) == "open"


def test_reconcile_counts_the_cards_it_proved_and_proves_a_closed_run_again(engine, ran):
    before = fingerprint(engine)
    # One expired, one warned; the third was not planned.
    assert reconcile(engine, ran) == 2
    assert fingerprint(engine) == before


def test_reconcile_names_ten_cards_with_amounts_and_counts_the_rest(engine, at):
    at(AS_OF)
    program = factories.program(engine)
    for _ in range(12):
        factories.card(engine, program)
    run_id = run_day(engine, AS_OF)
    execute(engine, "update loyalty.loyalty_cards set points_balance = 1")
    with pytest.raises(ReconcileError) as refusal:
        reconcile(engine, run_id)
    sentence = str(refusal.value)
    assert (
        "card 1: opening 100 + credits 0 - debits 0 - expired 100 is not closing 1 "
        "(recorded: 100) (books)"
    ) in sentence
    assert "card 10: " in sentence
    assert "card 11: " not in sentence
    # 12 cards in the books and the same 12 in check 01 = 24, of which 10 are named.
    assert sentence.endswith("; and 14 more.")


def test_failed_reconcile_leaves_the_run_open(engine, at):
    at(AS_OF)
    factories.card(engine)
    run_id = open_run(engine, RunRequest("checks", "open", datetime(2026, 1, 2, 2, tzinfo=UTC)))
    select_cohort(engine, run_id, "expiry")
    carry_out(engine, run_id, "expiry")
    execute(engine, "update loyalty.loyalty_cards set points_balance = 1")
    with pytest.raises(ReconcileError, match="stays open"):
        reconcile(engine, run_id)
    assert status(engine, run_id) == "open"
    execute(engine, "update loyalty.loyalty_cards set points_balance = 0")
    assert reconcile(engine, run_id) == 1
    assert close_run(engine, run_id)["points_expired"] == 100
