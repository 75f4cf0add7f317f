"""Runs and tills beside each other, in any order: every committed event is mailed once."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include import lifecycle
from include.lifecycle import Queued
from tests import factories
from tests.lifecycle.events import NOW, bonus, key, keys, run
from tests.rows import rows


def test_run_that_meets_another_waits_for_its_turn_and_finds_nothing_left(engine, a_card):
    expected = key(bonus(engine, a_card))
    done = []
    second = threading.Thread(target=lambda: done.append(run(engine)))
    with lifecycle.transaction(engine) as connection:
        binds = {"after_id": 0, "chunk_rows": 10, "queued_at": NOW, "run_id": 1}
        picked = lifecycle.run_stage(connection, "pick_events", binds)
        lifecycle.run_stage(connection, "queue_events", picked)
        second.start()
        while second.is_alive() and not waits_for_turn(engine):
            second.join(timeout=0.05)
        assert second.is_alive()
    second.join(timeout=60)
    assert done == [Queued(mails=0, events_passed_over=0)]
    assert keys(engine) == [expected]


def waits_for_turn(engine):
    waiting = (
        "select from pg_locks where not granted and relation = 'loyalty.lifecycle_unread'::regclass"
    )
    return bool(rows(engine, waiting))


def test_runs_at_the_same_time_queue_each_event_once(engine, a_card, monkeypatch):
    expected = [key(bonus(engine, a_card)) for _ in range(60)]
    monkeypatch.setenv("LOYALTY_CHUNK_SIZE", "2")
    done = []
    threads = [threading.Thread(target=lambda: done.append(run(engine))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert sum(each.mails for each in done) == 60
    assert sorted(keys(engine)) == sorted(expected)


TILLS = st.integers(0, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), TILLS),
        st.tuples(st.just("commit"), TILLS),
        st.tuples(st.just("rollback"), TILLS),
        st.tuples(st.just("run"), st.integers(1, 5)),
    ),
    min_size=5,
    max_size=40,
)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_any_history_of_tills_and_runs_mails_every_committed_event_once(
    engine, a_card, monkeypatch, steps
):
    cards = [factories.card(engine, 1, points=0) for _ in range(4)]
    with ExitStack() as stack:
        tills = [stack.enter_context(engine.connect()) for _ in range(4)]
        for step, number in steps:
            if step == "run":
                monkeypatch.setenv("LOYALTY_CHUNK_SIZE", str(number))
                run(engine)
            elif step == "event":
                bonus(tills[number], cards[number])
            else:
                getattr(tills[number], step)()
        for till in tills:
            till.commit()
    run(engine)
    bonuses = rows(
        engine,
        "select id from loyalty.loyalty_transactions where transaction_type = 'welcome_bonus'",
    )
    mailed = [each for each in keys(engine) if each.startswith("welcome_bonus")]
    assert sorted(mailed) == sorted(key(ledger_id) for (ledger_id,) in bonuses)
