"""No row is missed and none is mailed twice, however late it commits."""

from __future__ import annotations

import pytest

from include import lifecycle
from include.errors import SchemaError
from include.lifecycle import start_above_ledger
from include.migrations import migrate
from tests import factories
from tests.lifecycle.events import NOW, bonus, key, keys, run, unread
from tests.rows import execute, rows

# `noticed_at` is the run's clock; a week and a day later.
AFTER_A_WEEK = "2026-03-10T12:00:00+00:00"


def skip_ids(engine, ids):
    """Rows that were rolled back: their ids are gone for good."""
    execute(
        engine,
        "select setval(pg_get_serial_sequence('loyalty.loyalty_transactions', 'id'),"
        f" (select max(id) + {ids} from loyalty.loyalty_transactions))",
    )


def test_row_held_open_across_two_runs_is_mailed_by_the_third(engine, a_card):
    with engine.connect() as till:
        late = bonus(till, a_card)
        other = factories.card(engine, 1, points=0)
        early = bonus(engine, other)
        assert late < early
        run(engine)
        after_first = keys(engine)
        run(engine)
        assert keys(engine) == after_first == [f"enrolled:{other}", key(early)]
        till.commit()
    run(engine)
    run(engine)
    assert keys(engine) == [*after_first, key(late)]


def test_row_far_below_the_mark_is_mailed(engine, a_card):
    first = unread(engine)[0][0]
    skip_ids(engine, 1_000_000)
    far_above = bonus(engine, a_card)
    run(engine)
    assert unread(engine) == [(first, far_above - 1), (far_above + 1, None)]
    # Nobody held a transaction open: the application numbers its rows itself.
    far_below = bonus(engine, a_card, id=first + 3)
    run(engine)
    assert keys(engine) == [key(far_above), key(far_below)]
    assert unread(engine) == [
        (first, first + 2), (first + 4, far_above - 1), (far_above + 1, None),
    ]  # fmt: skip


def test_rows_rolled_back_leave_a_gap_that_is_forgotten_after_a_week(engine, a_card, at):
    skip_ids(engine, 5)
    last = bonus(engine, a_card)
    run(engine)
    assert unread(engine) == [(last - 5, last - 1), (last + 1, None)]
    at("2026-03-09T11:59:00+00:00")
    run(engine)
    assert len(unread(engine)) == 2
    at("2026-03-09T12:01:00+00:00")
    run(engine)
    assert unread(engine) == [(last + 1, None)]


def test_gap_of_a_transaction_that_is_open_for_a_week_is_kept(engine, a_card, at):
    with engine.connect() as till:
        late = bonus(till, a_card)
        factories.card(engine, 1, points=0)
        run(engine)
        at(AFTER_A_WEEK)
        run(engine)
        assert unread(engine)[0] == (late, late)
        till.commit()
    run(engine)
    assert keys(engine)[-1] == key(late)


def test_gap_in_which_rows_keep_coming_is_not_forgotten(engine, a_card, at):
    first = unread(engine)[0][0]
    skip_ids(engine, 100)
    bonus(engine, a_card)
    run(engine)
    at("2026-03-08T12:00:00+00:00")
    bonus(engine, a_card, id=first)
    run(engine)
    at(AFTER_A_WEEK)
    run(engine)
    late = bonus(engine, a_card, id=first + 1)
    run(engine)
    assert keys(engine)[-1] == key(late)


def test_restored_database_forgets_gaps_although_its_transactions_count_anew(engine, a_card, at):
    skip_ids(engine, 5)
    bonus(engine, a_card)
    run(engine)
    # As a dump carries it into a younger cluster.
    execute(
        engine,
        "update loyalty.lifecycle_unread set noticed_before = '999999999'"
        " where last_id is not null",
    )
    at(AFTER_A_WEEK)
    run(engine)
    assert len(unread(engine)) == 1


@pytest.mark.parametrize("held", ["loyalty_cards", "customers"])
def test_event_whose_card_or_customer_is_held_waits_for_the_next_run(engine, a_card, held):
    free = factories.card(engine, 1, points=0)
    waiting = bonus(engine, a_card)
    with engine.connect() as till:
        till.exec_driver_sql(f"select from loyalty.{held} where id = 1 for update")
        done = run(engine)
        assert (done.mails, done.events_passed_over) == (1, 1)
        assert keys(engine) == [f"enrolled:{free}"]
        till.rollback()
    assert run(engine).mails == 1
    assert keys(engine) == [f"enrolled:{free}", key(waiting)]


def test_chunk_that_meets_a_lock_of_the_application_waits_for_the_next_run(engine, a_card):
    waiting = bonus(engine, a_card)
    with engine.connect() as owner:
        owner.exec_driver_sql("select from loyalty.merchants for update")
        assert (run(engine).mails, keys(engine)) == (0, [])
        owner.rollback()
    run(engine)
    assert keys(engine) == [key(waiting)]


def test_run_that_dies_between_two_chunks_is_made_up_once(engine, a_card, monkeypatch):
    expected = [key(bonus(engine, a_card)) for _ in range(7)]
    monkeypatch.setenv("LOYALTY_CHUNK_SIZE", "3")
    whole, chunks = lifecycle.run_stage, []

    def dying(connection, stage, binds):
        done = whole(connection, stage, binds)
        if stage == "queue_events":
            chunks.append(binds["last_id"])
            if len(chunks) == 2:
                raise KeyboardInterrupt
        return done

    with monkeypatch.context() as patched:
        patched.setattr(lifecycle, "run_stage", dying)
        with pytest.raises(KeyboardInterrupt):
            run(engine, "dies")
    # The first chunk stands, the second left no trace.
    assert keys(engine) == expected[:3]
    assert run(engine, "dies").mails == 4
    assert keys(engine) == expected
    # Repeating a DAG run continues its run, so that its files hold both attempts' mails.
    assert rows(engine, "select count(distinct run_id) from loyalty.email_logs") == [(1,)]


def test_event_in_an_old_gap_whose_card_is_held_is_not_forgotten_with_the_gap(engine, a_card, at):
    first = unread(engine)[0][0]
    skip_ids(engine, 5)
    bonus(engine, factories.card(engine, 1, points=0))
    run(engine)
    late = bonus(engine, a_card, id=first)
    at(AFTER_A_WEEK)
    with engine.connect() as till:
        till.exec_driver_sql("select from loyalty.customers where id = 1 for update")
        run(engine)
        till.rollback()
    run(engine)
    assert keys(engine)[-1] == key(late)


def test_installation_on_a_running_platform_mails_nobody_of_yesterday(empty_database, at):
    at(NOW)
    engine = empty_database
    migrate(engine, "0006_mailed_cards")
    yesterday = factories.card(engine, points=0)
    migrate(engine)
    assert run(engine).mails == 0
    given = bonus(engine, yesterday)
    run(engine)
    assert keys(engine) == [key(given)]


def test_imported_history_is_left_out_where_one_says_so(engine, a_card):
    with engine.connect() as till:
        bonus(till, a_card)
        factories.card(engine, 1, points=0)
        start_above_ledger(engine)
        till.commit()
    given = bonus(engine, a_card)
    run(engine)
    assert keys(engine) == [key(given)]


def test_three_days_of_pause_are_made_up_by_one_run(engine, a_card, monkeypatch, at):
    monkeypatch.setenv("LOYALTY_CHUNK_SIZE", "10")
    expected = []
    for day in (3, 4, 5):
        at(f"2026-03-0{day}T12:00:00+00:00")
        expected += [key(bonus(engine, a_card)) for _ in range(11)]
    assert run(engine).mails == 33
    assert run(engine).mails == 0
    assert keys(engine) == expected


def test_mark_that_is_gone_is_said_and_nothing_is_skipped_silently(engine, a_card):
    execute(engine, "delete from loyalty.lifecycle_unread")
    bonus(engine, a_card)
    with pytest.raises(SchemaError, match="does not say where the ledger's new rows begin"):
        run(engine)
    assert keys(engine) == []


def test_few_new_rows_are_found_without_reading_the_ledger(engine, a_card):
    execute(
        engine,
        "insert into loyalty.loyalty_transactions (card_id, merchant_id, transaction_type)"
        " select 1, 1, 'points_adjusted' from generate_series(1, 20000)",
    )
    execute(engine, "analyze loyalty.loyalty_transactions")
    run(engine)
    for _ in range(3):
        skip_ids(engine, 2)
        bonus(engine, a_card)
    pick = lifecycle.statements("pick_events")[1]
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(
            f"explain (analyze, timing off, summary off) {pick}",
            {"after_id": 0, "chunk_rows": 1000},
        ).scalars().all()  # fmt: skip
    (reading,) = [line for line in plan if "on loyalty_transactions" in line]
    assert "Index" in reading
    assert "actual rows=3" in reading
