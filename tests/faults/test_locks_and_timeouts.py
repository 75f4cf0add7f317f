"""Statements that take too long, and cards that a till does not let go."""

from __future__ import annotations

import pytest

from include.database import Limits
from tests.faults.books import LASTING
from tests.faults.shop import NEXT_DAY, Shop, Twin
from tests.faults.whole_day import Limited
from tests.rows import rows

# Expired the day before.
LATECOMERS = {"card 100", "card 101", "card 102"}
SKIPS = """
    select kind, card_number, reason from loyalty.expiration_skips
    join loyalty.loyalty_cards as cards on cards.id = expiration_skips.card_id
"""


@pytest.mark.parametrize("table", ["email_logs", "expirations", "loyalty_transactions"])
def test_statement_that_takes_too_long_fails_the_task_and_a_rerun_makes_it_good(
    twin: Twin, shop: Shop, table: str
) -> None:
    impatient = Limits(lock_timeout="20s", statement_timeout="200ms")
    with shop.engine.connect() as application:
        application.exec_driver_sql(f"lock table loyalty.{table} in share mode")
        with shop.task(Limited(shop.day(), {"HOLDING": impatient})) as task:
            error = str(task.ended().error)
        application.rollback()
    assert "canceling statement due to statement timeout" in error
    assert {row[0] for row in rows(shop.engine, EXPIRED_CARDS)} == LATECOMERS
    shop.run(shop.day())
    assert shop.faults(twin.books) == []


def test_card_that_a_till_holds_is_skipped_and_expires_the_next_day(twin: Twin, shop: Shop) -> None:
    patient = Limits(lock_timeout="300ms")
    with shop.engine.connect() as till:
        till.exec_driver_sql(
            "select id from loyalty.loyalty_cards where card_number = 'card 0' for update"
        )
        shop.run(Limited(shop.day(), {"LAST_PASS": patient}))
        assert rows(shop.engine, SKIPS) == [("expiry", "card 0", "locked")]
        # The others, in the same chunk too, are done: the twin's deeds but one.
        done = {row[0] for row in rows(shop.engine, EXPIRED_CARDS)}
        assert done == {row[0] for row in twin.books["expirations"]} - {"card 0"}
        till.rollback()
    later = shop.at(NEXT_DAY)
    later.run(later.day("next day"))
    assert later.faults(twin.books_next_day, *LASTING) == []


def test_all_cards_that_a_till_holds_through_the_warnings_are_warned_the_next_day(
    twin: Twin, shop: Shop
) -> None:
    patient = Limits(lock_timeout="100ms")
    warned = sorted(row[0] for row in twin.books["warnings"])
    with shop.engine.connect() as till:
        till.exec_driver_sql("select id from loyalty.loyalty_cards for update")
        shop.run(Limited(shop.day(), {"LAST_PASS": patient}))
        locked = sorted(card for kind, card, _ in rows(shop.engine, SKIPS) if kind == "warning")
        assert locked == warned
        till.rollback()
    later = shop.at(NEXT_DAY)
    later.run(later.day("next day"))
    assert later.faults(twin.books_next_day, *LASTING, "stamps") == []


EXPIRED_CARDS = """
    select card_number from loyalty.expirations
    join loyalty.loyalty_cards as cards on cards.id = expirations.card_id
"""
