"""Chunks, connections and tills: a card in hand is waited for or skipped, others expire once."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy.exc import IntegrityError

from include.cohorts import carry_out, select_cohort
from include.database import Limits
from include.reconcile import reconcile
from tests import factories
from tests.day import run_day
from tests.due import DAY_AFTER, opened_run
from tests.rows import balance, execute, rows, skips


def expired_cards(engine):
    return rows(engine, "select card_id from loyalty.expirations order by card_id")


def test_card_held_by_a_till_is_skipped_and_the_others_expire(engine, at, monkeypatch):
    monkeypatch.setattr("include.cohorts.LAST_PASS", Limits(lock_timeout="100ms"))
    at(DAY_AFTER)
    program = factories.program(engine)
    first, held, last = (factories.card(engine, program) for _ in range(3))
    with engine.begin() as till:
        till.exec_driver_sql(
            "select from loyalty.loyalty_cards where id = %(id)s for update", {"id": held}
        )
        run_id = run_day(engine, DAY_AFTER)
    assert [balance(engine, card) for card in (first, held, last)] == [0, 100, 0]
    assert skips(engine, run_id) == [("expiry", held, "locked")]
    at("2026-01-03T02:00:00+00:00")
    run_day(engine, "2026-01-03T02:00:00+00:00")
    assert balance(engine, held) == 0


def test_lock_held_briefly_is_waited_for_and_its_change_is_seen(engine, at):
    now = at(DAY_AFTER)
    program = factories.program(engine)
    came_back, idle = (factories.card(engine, program) for _ in range(2))
    run_id = opened_run(engine)
    select_cohort(engine, run_id, "expiry")
    till = engine.connect()
    factories.earn(till, came_back, 5, now)
    till.exec_driver_sql(
        "select from loyalty.loyalty_cards where id = %(id)s for update", {"id": idle}
    )
    ending = threading.Thread(target=commit_once_waited_for, args=(engine, till))
    ending.start()
    carry_out(engine, run_id, "expiry")
    ending.join()
    assert (balance(engine, came_back), balance(engine, idle)) == (105, 0)
    assert skips(engine, run_id) == [("expiry", came_back, "came_back")]


def commit_once_waited_for(engine, till):
    waiting = "select count(*) from pg_locks where not granted"
    deadline = time.monotonic() + 4
    while rows(engine, waiting) == [(0,)] and time.monotonic() < deadline:
        time.sleep(0.01)
    till.commit()
    till.close()


@pytest.mark.parametrize("connections", ["1", "3"])
def test_chunks_take_every_card_once(engine, at, monkeypatch, connections):
    monkeypatch.setenv("LOYALTY_CHUNK_SIZE", "2")
    monkeypatch.setenv("LOYALTY_CHUNK_CONNECTIONS", connections)
    at(DAY_AFTER)
    program = factories.program(engine)
    cards = [factories.card(engine, program, points=number) for number in range(1, 6)]
    run_id = run_day(engine, DAY_AFTER)
    # 1 + 2 + 3 + 4 + 5 = 15 points in chunks of 2, 2 and 1.
    assert expired_cards(engine) == [(card,) for card in cards]
    assert rows(engine, "select cards_expired, points_expired from loyalty.expiration_runs") == [
        (5, 15)
    ]
    assert reconcile(engine, run_id) == 5


def test_failure_on_one_of_several_connections_fails_the_task_and_a_rerun_heals(
    engine, at, monkeypatch
):
    monkeypatch.setenv("LOYALTY_CHUNK_SIZE", "1")
    monkeypatch.setenv("LOYALTY_CHUNK_CONNECTIONS", "2")
    at(DAY_AFTER)
    program = factories.program(engine)
    cards = [factories.card(engine, program) for _ in range(40)]
    run_id = opened_run(engine)
    select_cohort(engine, run_id, "expiry")
    # The first card's ledger row cannot be written.
    execute(
        engine,
        f"""
        alter table loyalty.loyalty_transactions add constraint broken
        check (not (card_id = {cards[0]} and transaction_type = 'points_expired'))
    """,
    )
    with pytest.raises(IntegrityError):
        carry_out(engine, run_id, "expiry")
    assert (cards[0],) not in expired_cards(engine)
    execute(engine, "alter table loyalty.loyalty_transactions drop constraint broken")
    carry_out(engine, run_id, "expiry")
    assert expired_cards(engine) == [(card,) for card in cards]
