"""The machinery itself: it plays every order, and it finds what is wrong."""

from __future__ import annotations

from psycopg2.errors import DeadlockDetected

import include.database
from tests import factories
from tests.interleavings import application
from tests.interleavings.gates import FILES
from tests.interleavings.pipeline import carrying_out, planned

DUE_AT = "2025-01-01T12:00:00+00:00"


def mutated(monkeypatch, stage, right, wrong):
    """Let the pipeline run `stage` with `wrong` in place of `right`."""
    given = include.database.statements
    changed = tuple(statement.replace(right, wrong) for statement in given(stage))
    assert changed != given(stage)
    for statement, original in zip(changed, given(stage), strict=True):
        monkeypatch.setitem(FILES, statement, FILES[original])
    monkeypatch.setattr(
        include.database, "statements", lambda name: changed if name == stage else given(name)
    )


def test_every_order_of_independent_steps_is_played_once(engine, judge):
    first, second = (factories.card(engine) for _ in range(2))
    # Update, insert and commit against update and commit: 5! / (3! 2!) = 10 orders.
    verdict = judge.judge(
        earning=application.earn(first), deactivation=application.deactivate(second)
    )
    assert verdict.orders == 10
    assert (verdict.blocked, verdict.faults) == (0, [])


def test_step_that_waits_for_a_lock_is_played_around(engine, judge):
    card = factories.card(engine)
    # Update and commit each. Whoever updates first has the card until its commit, so there are
    # two orders of commits; the other's update waits, or comes after: 4 orders, 2 of them wait.
    verdict = judge.judge(one=application.deactivate(card), other=application.deactivate(card))
    assert (verdict.orders, verdict.blocked, verdict.faults) == (4, 2, [])


def test_deadlock_of_two_tills_is_found(engine, judge):
    first, second = (factories.card(engine) for _ in range(2))
    played = judge.play_once(
        [("up", "insert"), ("down", "insert"), ("up", "update"), ("down", "update")],
        up=application.earn(first, second),
        down=application.earn(second, first),
    )
    assert played.standoffs == 1
    assert [type(error.orig) for error in played.errors.values()] == [DeadlockDetected]


def test_weaker_lock_on_the_cards_is_found(engine, judge, monkeypatch):
    # It lets the chunk in between a till's ledger row and its card.
    card = factories.card(engine, last_activity_at=DUE_AT)
    run = planned(engine, "expiry")
    mutated(monkeypatch, "lock_chunk", "for update of cards", "for no key update of cards")
    verdict = judge.judge(job=carrying_out(run, "expiry"), till=application.earn_ledger_first(card))
    assert verdict.strange_ends


def test_chunk_that_waits_for_tills_is_found(engine, judge, monkeypatch):
    program = factories.program(engine)
    cards = [factories.card(engine, program, last_activity_at=DUE_AT) for _ in range(2)]
    run = planned(engine, "expiry")
    mutated(monkeypatch, "lock_chunk", "for update of cards skip locked", "for update of cards")
    # The till holds the higher card, the chunk the lower one, and each asks for the other.
    played = judge.play_once(
        [("till", "insert"), ("job", "lock_chunk"), ("till", "update")],
        job=carrying_out(run, "expiry"),
        till=application.earn(*reversed(cards)),
    )
    assert played.standoffs == 1


def test_chunk_without_a_lock_is_found(engine, judge, monkeypatch):
    card = factories.card(engine, last_activity_at=DUE_AT)
    run = planned(engine, "expiry")
    mutated(monkeypatch, "lock_chunk", "for update of cards skip locked", "")
    verdict = judge.judge(job=carrying_out(run, "expiry"), till=application.earn(card))
    assert verdict.strange_ends
    # Nothing else would tell: the books balance.
    assert verdict.errors + verdict.broken == []


def test_balance_set_instead_of_moved_is_found(engine, judge, monkeypatch):
    card = factories.card(engine, last_activity_at=DUE_AT)
    run = planned(engine, "expiry")
    mutated(monkeypatch, "lock_chunk", "for update of cards skip locked", "")
    mutated(monkeypatch, "expire_points", "cards.points_balance + entries.points_delta", "0")
    verdict = judge.judge(job=carrying_out(run, "expiry"), till=application.earn(card))
    assert any("balance 0, but its ledger sums to 5" in broken for broken in verdict.broken)


def test_cycle_expired_twice_is_refused_by_its_key(engine, judge, monkeypatch):
    factories.card(engine, last_activity_at=DUE_AT)
    first, second = (planned(engine, "expiry", name) for name in ("first", "second"))
    mutated(monkeypatch, "lock_chunk", "for update of cards skip locked", "")
    verdict = judge.judge(
        first=carrying_out(first, "expiry"), second=carrying_out(second, "expiry")
    )
    assert any("expirations_one_per_cycle" in error for error in verdict.errors)
    # All that is left to say is that the refused run has not finished.
    assert all("14_every_plan_has_its_deed_or_skip" in broken for broken in verdict.broken)
