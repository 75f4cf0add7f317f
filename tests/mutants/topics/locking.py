"""Locks: tills in the middle of a sale, chunks, the last pass, and skips of single cards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from include import cohorts
from include.database import CHUNK, SELECTION, Limits, run_stage, transaction
from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.scene import selected
from tests.rows import balance, skips
from tests.waiting import wait_for_waiting

CHUNK_FILE = "lock_chunk/01_lock_cards.sql"
DAY_AFTER = "2026-01-02"


@contextmanager
def short_waits() -> Iterator[None]:
    """The last pass waits for a tenth of a second only."""
    before = cohorts.LAST_PASS
    cohorts.LAST_PASS = Limits(lock_timeout="100ms")
    try:
        yield
    finally:
        cohorts.LAST_PASS = before


def begin_sale(till: Connection, card: int) -> None:
    """Write a sale's ledger row; the till has not come to the card yet."""
    till.exec_driver_sql(
        "insert into loyalty.loyalty_transactions (card_id, merchant_id, transaction_type,"
        f" points_delta, points_balance_after) values ({card}, 1, 'points_earned', 5, 105)"
    )


def till_in_the_middle_of_a_sale_is_passed_over(engine: Engine) -> None:
    program = factories.program(engine)
    sold_to, idle = (factories.card(engine, program) for _ in range(2))
    run_id = selected(engine, DAY_AFTER, "expiry")
    with short_waits(), engine.connect() as till:
        begin_sale(till, sold_to)
        cohorts.carry_out(engine, run_id, "expiry")
        till.rollback()
    assert (balance(engine, sold_to), balance(engine, idle)) == (100, 0)
    assert skips(engine, run_id) == [("expiry", sold_to, "locked")]


def chunk_takes_no_card_out_of_a_tills_hands(engine: Engine) -> None:
    program = factories.program(engine)
    sold_to, idle = (factories.card(engine, program) for _ in range(2))
    run_id = selected(engine, DAY_AFTER, "expiry")
    binds = {"run_id": run_id, "kind": "expiry", "after_card_id": 0, "last_card_id": idle}
    with engine.connect() as till:
        begin_sale(till, sold_to)
        with transaction(engine, CHUNK) as connection:
            locked = run_stage(connection, "lock_chunk", binds)
        till.rollback()
    assert locked["card_ids"] == [idle]


def chunks_take_every_card_once(engine: Engine) -> None:
    os.environ["LOYALTY_CHUNK_SIZE"] = "1"
    program = factories.program(engine)
    emptied, *cards = (factories.card(engine, program) for _ in range(4))
    run_id = selected(engine, DAY_AFTER, "expiry")
    factories.void(engine, emptied, 100, DAY_AFTER)
    done = cohorts.carry_out(engine, run_id, "expiry")
    assert vars(done) == {"cards_done": 3, "points_done": 300, "cards_skipped": 1}
    assert [balance(engine, card) for card in cards] == [0, 0, 0]


def cohort_is_planned_by_one_at_a_time(engine: Engine) -> None:
    factories.card(engine)
    binds = {"run_id": selected(engine, DAY_AFTER, "warning"), "kind": "expiry"}
    with ThreadPoolExecutor(1) as pool:
        with transaction(engine, SELECTION) as connection:
            run_stage(connection, "take_plan_turn", binds)
            run_stage(connection, "select_expiry", binds)
            other = pool.submit(cohorts.select_cohort, engine, binds["run_id"], "expiry")
            wait_for_waiting(engine)
        assert other.result().cards_planned == 1


def chunk_holds_the_cards_between_its_bounds(engine: Engine) -> None:
    program = factories.program(engine)
    before, first, last, after = (factories.card(engine, program) for _ in range(4))
    run_id = selected(engine, DAY_AFTER, "expiry")
    binds = {"run_id": run_id, "kind": "expiry", "after_card_id": before, "last_card_id": last}
    with transaction(engine, CHUNK) as connection:
        assert run_stage(connection, "lock_chunk", binds)["card_ids"] == [first, last]
    assert after > last


def cohort_is_cut_into_whole_chunks_and_a_rest(engine: Engine) -> None:
    program = factories.program(engine)
    cards = [factories.card(engine, program) for _ in range(5)]
    run_id = selected(engine, DAY_AFTER, "expiry")
    binds = {"run_id": run_id, "kind": "expiry", "chunk_size": 2} | vars(cohorts.WHOLE)
    with transaction(engine, CHUNK) as connection:
        cut = run_stage(connection, "list_chunks", binds)
    assert cut["last_card_ids"] == [cards[1], cards[3], cards[4]]


def customer_held_by_the_application_is_waited_for_by_nobody(engine: Engine) -> None:
    program = factories.program(engine)
    held, free = (factories.card(engine, program) for _ in range(2))
    run_id = selected(engine, DAY_AFTER, "expiry")
    with short_waits(), engine.connect() as application:
        application.exec_driver_sql("select id from loyalty.customers where id = 1 for update")
        cohorts.carry_out(engine, run_id, "expiry")
        application.rollback()
    assert (balance(engine, held), balance(engine, free)) == (100, 0)


def skip_of_one_card_is_of_one_card(engine: Engine) -> None:
    program = factories.program(engine)
    held, other = (factories.card(engine, program) for _ in range(2))
    run_id = selected(engine, DAY_AFTER, "expiry")
    cohorts.skip(engine, run_id, "expiry", "locked", card_id=held)
    assert skips(engine, run_id) == [("expiry", held, "locked")]
    cohorts.carry_out(engine, run_id, "expiry")
    assert balance(engine, other) == 0


MUTANTS = (
    Mutant(
        "chunk_locks_for_no_key_update",
        CHUNK_FILE,
        "for update of cards skip locked",
        "for no key update of cards skip locked",
        "It does not wait for a till that has written its ledger row but not yet its card.",
        chunk_takes_no_card_out_of_a_tills_hands,
    ),
    Mutant(
        "last_pass_locks_for_no_key_update",
        "lock_held_card/01_lock_card.sql",
        "for update of cards",
        "for no key update of cards",
        "It does not wait for a till that has written its ledger row but not yet its card.",
        till_in_the_middle_of_a_sale_is_passed_over,
    ),
    Mutant(
        "last_pass_locks_nothing",
        "lock_held_card/01_lock_card.sql",
        "    for update of cards\n",
        "",
        "Without the lock nothing that is decided about the card holds.",
        till_in_the_middle_of_a_sale_is_passed_over,
    ),
    Mutant(
        "chunk_waits_for_tills",
        CHUNK_FILE,
        "for update of cards skip locked",
        "for update of cards",
        "A till that holds one card must not stall a thousand.",
        chunk_takes_no_card_out_of_a_tills_hands,
    ),
    Mutant(
        "cohort_is_planned_out_of_turn",
        "take_plan_turn/01_wait.sql",
        "pg_advisory_xact_lock(",
        "abs(",
        "Two attempts at a run may overlap; the second finds the cards planned.",
        cohort_is_planned_by_one_at_a_time,
    ),
    Mutant(
        "planned_card_is_planned_again",
        "select_expiry/01_plan_cohort.sql",
        "and planned.card_id = noticed_cards.id",
        "and planned.card_id = 0",
        "A rerun leaves the plan as it is.",
        cohort_is_planned_by_one_at_a_time,
    ),
    Mutant(
        "chunk_looks_at_its_last_card_again",
        CHUNK_FILE,
        "%(after_card_id)s::bigint,",
        "%(after_card_id)s::bigint - 1,",
        "Two connections would take the same card.",
        chunk_holds_the_cards_between_its_bounds,
    ),
    Mutant(
        "chunk_leaves_its_last_card_out",
        CHUNK_FILE,
        "%(last_card_id)s::bigint\n",
        "%(last_card_id)s::bigint - 1\n",
        "Nobody but the last pass would take it, card by card.",
        chunk_holds_the_cards_between_its_bounds,
    ),
    Mutant(
        "chunks_are_counted_from_one",
        "list_chunks/01_bound_chunks.sql",
        "(order by planned_cards.card_id) - 1",
        "(order by planned_cards.card_id)",
        "A chunk is as large as it was asked to be.",
        cohort_is_cut_into_whole_chunks_and_a_rest,
    ),
    Mutant(
        "chunk_skips_the_cards_of_later_chunks",
        "expire_points/02_record_skips.sql",
        "and undecided.card_id = any(%(kept_card_ids)s::bigint[])",
        "",
        "Only what was locked has been decided.",
        chunks_take_every_card_once,
    ),
    Mutant(
        "chunk_waits_for_customers",
        "migrations/0005_roles/02_create_owners_views.sql",
        "for key share skip locked",
        "for key share",
        "With cards in its hands a chunk waits for nothing else, or it could be in a deadlock.",
        customer_held_by_the_application_is_waited_for_by_nobody,
    ),
    Mutant(
        "one_held_card_holds_all",
        "skip_members/01_skip_cohort.sql",
        "coalesce(%(card_id)s::bigint, 9223372036854775807)",
        "9223372036854775807",
        "A skip is about the card that a till holds, not about the others.",
        skip_of_one_card_is_of_one_card,
    ),
)
