"""What `make check` finds: the hour before, the hour after, and what is none of its business."""

from __future__ import annotations

import pytest

from include import decisions
from include.health import Trouble, find_troubles
from tests import factories
from tests.day import run_day
from tests.mail import rows as mail_rows
from tests.rows import execute

AS_OF = "2026-03-02T02:00:00+00:00"
NEVER = "No run was closed in the last 26 hours (the last one: never)."


def sentences(engine):
    return [trouble.sentence for trouble in find_troubles(engine)]


def test_platform_on_which_nothing_ever_ran_says_so(engine):
    assert find_troubles(engine) == [Trouble(NEVER, is_before_first_run=True)]


def test_dry_run_counts_for_nothing(engine, at):
    at(AS_OF)
    run_day(engine, AS_OF, dry_run=True)
    assert find_troubles(engine) == [Trouble(NEVER, is_before_first_run=True)]


@pytest.mark.parametrize(("now", "troubles"), [("04:00:00", 0), ("04:00:01", 1)])
def test_run_is_missed_after_26_hours(engine, at, now, troubles):
    at(AS_OF)
    run_day(engine, AS_OF)
    at(f"2026-03-03T{now}+00:00")
    found = find_troubles(engine)
    assert len(found) == troubles
    assert not any(trouble.is_before_first_run for trouble in found)


LEFT_OUT = "1 program(s) were in no run that was closed in the last 26 hours."


def test_run_for_some_merchants_does_not_hide_that_the_others_had_none(engine, at):
    ours, theirs = factories.merchant(engine), factories.merchant(engine)
    for merchant in (ours, theirs):
        factories.program(engine, merchant_id=merchant)
    at(AS_OF)
    run_day(engine, AS_OF)
    as_of = at("2026-03-03T06:00:00+00:00")
    run_day(engine, as_of, dag_run_id="some", merchant_ids=(ours,))
    assert sentences(engine) == [LEFT_OUT]
    run_day(engine, as_of, dag_run_id="others", merchant_ids=(theirs,))
    assert sentences(engine) == []


def test_program_that_is_new_or_inactive_is_not_missed(engine, at):
    ours = factories.merchant(engine)
    factories.program(engine, merchant_id=ours)
    gone = factories.program(engine)
    at(AS_OF)
    run_day(engine, AS_OF)
    execute(
        engine, "update loyalty.loyalty_programs set is_active = false where id = %(id)s", id=gone
    )
    factories.program(engine)
    as_of = at("2026-03-03T06:00:00+00:00")
    run_day(engine, as_of, dag_run_id="some", merchant_ids=(ours,))
    assert sentences(engine) == []


@pytest.fixture
def held(engine, at):
    """A program that the first day's run holds, beside another merchant's."""
    at(AS_OF)
    program = factories.program(engine, size_check_cards=1)
    for _ in range(2):
        factories.card(engine, program)
    other = factories.merchant(engine)
    factories.program(engine, merchant_id=other)
    return decisions.HeldPlan(run_day(engine, AS_OF), program), other


HELD = "1 program(s) are held and wait for a person."


def test_held_program_is_told_until_somebody_decides(engine, held):
    plan, _ = held
    assert sentences(engine) == [HELD]
    run_id = decisions.open_held_run(
        engine, dag_id="loyalty_held_expirations", dag_run_id="held", plan=plan
    )
    assert sentences(engine) == [HELD]
    decisions.decide(engine, run_id, "expiry", "rejected", "nora")
    assert sentences(engine) == []


def test_run_for_another_merchant_does_not_hide_what_is_held(engine, held):
    _, other = held
    run_day(engine, AS_OF, dag_run_id="another", merchant_ids=(other,))
    assert sentences(engine) == [HELD]


def test_program_that_is_held_again_is_told_once(engine, at, held):
    run_day(engine, at("2026-03-03T02:00:00+00:00"))
    assert sentences(engine) == [HELD]


@pytest.mark.parametrize(
    ("status", "queued_at", "expected"),
    [
        ("queued", "2024-03-09T10:00:01", None),  # it is noon on 10 March
        ("queued", "2024-03-09T09:59:59", "1 mail(s) have waited for more than 26 hours."),
        ("deferred", "2024-03-09T09:59:59", "1 mail(s) have waited for more than 26 hours."),
        ("sending", "2024-03-09T09:59:59", "1 mail(s) have waited for more than 26 hours."),
        ("failed", "2024-03-09T09:59:59", None),
        ("superseded", "2024-03-09T09:59:59", None),
        ("ambiguous", "2024-03-10T11:59:59", "1 mail(s) wait for a person to settle them."),
    ],
)
def test_mails_that_are_stuck_are_told(engine, monkeypatch, status, queued_at, expected):
    monkeypatch.setenv("LOYALTY_NOW", mail_rows.NOW)
    card_id = mail_rows.card(engine)
    mail_rows.expired(engine, card_id, status=status, queued_at=f"{queued_at}+00:00")
    assert sentences(engine) == [NEVER, *([expected] if expected else [])]
