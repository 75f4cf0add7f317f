"""Every invariant finds what is planted for it, nothing else, and nothing in a clean database."""

from __future__ import annotations

import pytest

from include.reconcile import check_names, violations
from tests import factories
from tests.day import run_day
from tests.rows import execute, rows
from tests.violations import AS_OF, PLANTED, PLANTED_TOO, day_to_break

ran = pytest.fixture(day_to_break)


def reseal(engine):
    """Take the closed runs' fingerprints anew, so that only the planted check can find it."""
    execute(engine, "update loyalty.expiration_runs set digest = loyalty.run_digest(id)")


def found_checks(engine, run_id=None):
    return {violation.check for violation in violations(engine, run_id)}


def test_every_check_has_a_planted_violation():
    assert tuple(PLANTED) == check_names()


@pytest.mark.parametrize(
    ("check", "statements"),
    [*PLANTED.items(), *PLANTED_TOO],
    ids=[*PLANTED, *(f"{check}-again" for check, _ in PLANTED_TOO)],
)
def test_planted_violation_is_found_by_its_check_alone(engine, ran, check, statements):
    for statement in statements:
        execute(engine, statement.replace("%", "%%"))
    if check != "11_closed_runs_never_change":
        reseal(engine)
    assert found_checks(engine) == {check}


def test_cycle_expired_twice_is_found(engine, ran, at):
    factories.earn(engine, 1, 40, "2026-01-03T12:00:00+00:00")
    # 2026-01-03 + 365 days = due 2027-01-03, which is not past yet: a shorter rule.
    execute(engine, "update loyalty.loyalty_programs set points_expiration_days = 20")
    at("2026-01-24T02:00:00+00:00")
    run_day(engine, "2026-01-24T02:00:00+00:00")
    assert found_checks(engine) == set()
    execute(engine, "alter table loyalty.expirations drop constraint expirations_one_per_cycle")
    execute(
        engine,
        "update loyalty.expirations set cycle_started_at = '2025-01-01 12:00+00' where card_id = 1",
    )
    # Whoever expires one cycle twice also overlooks the activity between.
    assert found_checks(engine) >= {"03_one_expiration_per_cycle"}
    assert [
        (violation.card_id, violation.detail)
        for violation in violations(engine, None)
        if violation.check == "03_one_expiration_per_cycle"
    ] == [(1, "cycle of 2025-01-01 12:00:00+00 expired 2 times, 140 points")]


def test_clean_days_break_nothing(engine, ran, at):
    factories.earn(engine, 1, 10, "2026-01-03T12:00:00+00:00")
    factories.redeem(engine, 1, 4, "2026-01-04T12:00:00+00:00")
    factories.adjust(engine, 2, 5, "2026-01-04T12:00:00+00:00")
    factories.void(engine, 3, 5, "2026-01-04T12:00:00+00:00")
    ((transaction_id,),) = rows(engine, "select transaction_id from loyalty.expirations")
    factories.reinstate(engine, transaction_id, "2026-01-05T12:00:00+00:00")
    at("2026-01-11T02:00:00+00:00")
    run_id = run_day(engine, "2026-01-11T02:00:00+00:00")
    assert violations(engine, None) == []
    assert violations(engine, run_id) == []
    assert violations(engine, ran) == []


def test_dry_run_has_nothing_eligible_to_prove(engine, at):
    at(AS_OF)
    factories.card(engine)
    run_id = run_day(engine, AS_OF, dry_run=True)
    assert violations(engine, run_id) == []
    assert violations(engine, None) == []


def test_cards_touched_since_the_run_began_are_not_called_left_over(engine, at):
    at(AS_OF)
    card = factories.card(engine, points=0)
    run_id = run_day(engine, AS_OF)
    # Points that arrive by adjustment in an old cycle are the next run's.
    factories.adjust(engine, card, 10, AS_OF)
    assert violations(engine, run_id) == []
    at("2026-01-03T02:00:00+00:00")
    run_day(engine, "2026-01-03T02:00:00+00:00")
    assert rows(engine, "select points from loyalty.expirations") == [(10,)]


def test_row_that_a_till_committed_after_the_expiry_may_have_a_lower_id(engine, ran):
    # The till took its id before our lock and committed after it: swap the two ids. Its 25 points
    # of 2026-01-02 02:00 stand in the ledger before the expiry, and the balance is 25.
    factories.earn(engine, 1, 25, "2026-01-02T02:00:00+00:00")
    execute(engine, "alter table loyalty.expirations drop constraint expirations_transaction_fkey")
    ((expiry, till),) = rows(
        engine,
        "select max(id) filter (where transaction_type = 'points_expired'), max(id)"
        " from loyalty.loyalty_transactions where card_id = 1",
    )
    for old, new in ((till, -1), (expiry, till), (-1, expiry)):
        execute(
            engine,
            "update loyalty.loyalty_transactions set id = %(new)s where id = %(old)s",
            old=old,
            new=new,
        )
    execute(engine, "update loyalty.expirations set transaction_id = %(till)s", till=till)
    execute(
        engine,
        "update loyalty.email_logs set occurrence_key = 'expired:' || %(till)s::text"
        " where template_code = 'loyalty_points_expired'",
        till=till,
    )
    reseal(engine)
    assert violations(engine, None) == []
