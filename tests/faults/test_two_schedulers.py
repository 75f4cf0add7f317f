"""The same day's work done by two processes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine

from include.reconcile import violations
from tests import factories
from tests.databases import new_database
from tests.faults.books import SHARED, books
from tests.faults.disturbances import finish
from tests.faults.people import AS_OF
from tests.faults.points import Stop
from tests.faults.shop import NEXT_DAY, Shop, Twin, copied_shop
from tests.rows import execute, rows

ENTRY = Stop(1, "open_run/01")
# The first point at which the plan of the expiry is made and nothing of it carried out.
PLANNED = Stop(1, "expire_points/01")


@pytest.mark.parametrize("names", [("day", "day"), ("scheduled", "manual")], ids="/".join)
def test_two_processes_that_start_a_day_together_do_its_work_once(
    twin: Twin, shop: Shop, names: tuple[str, str]
) -> None:
    with shop.task(shop.day(names[0]), ENTRY) as one, shop.task(shop.day(names[1]), ENTRY) as other:
        assert one.reached() == other.reached() == "open_run/01_insert_run"
        for task in (one, other):
            task.go_on()
        finish(shop, names[0], one)
        finish(shop, names[1], other)
    assert shop.faults(twin.books, *SHARED) == []


@pytest.mark.parametrize("names", [("day", "day"), ("scheduled", "manual")], ids="/".join)
def test_process_that_waits_for_the_others_chunk_finds_its_work_done(
    twin: Twin, shop: Shop, names: tuple[str, str]
) -> None:
    with shop.task(shop.day(names[0]), PLANNED) as one:
        one.reached()  # with the cards of its first chunk locked
        with shop.task(shop.day(names[1])) as other:
            shop.wait_for_session("wait_event_type = 'Lock' and query ~ 'locked_card'")
            one.go_on()
            finish(shop, names[0], one)
            finish(shop, names[1], other)
    assert shop.faults(twin.books, *SHARED) == []


SHORTEN = "update loyalty.loyalty_programs set points_expiration_days = 36"
IDLE_DAYS = {"long": 400, "for two months": 60, "since last week": 7}


@pytest.fixture
def yearly(template_url: URL, tmp_path: Path) -> Iterator[Callable[[], AbstractContextManager]]:
    """Opens a shop whose one program lets points expire after a year."""
    with new_database(template_url, template=template_url.database) as url:
        engine = create_engine(url)
        program = factories.program(engine, points_expiration_days=365)
        for name, days in IDLE_DAYS.items():
            idle_since = AS_OF - timedelta(days=days)
            factories.card(
                engine, program, points=100, last_activity_at=idle_since, card_number=name
            )
        engine.dispose()
        yield lambda: copied_shop(url, tmp_path)


def test_settings_shortened_between_two_runs_of_a_day_expire_each_card_once(yearly) -> None:
    with yearly() as shop, yearly() as twin:
        with shop.task(shop.day("scheduled"), Stop(1, "check_size")) as one:
            one.reached()
            # Planned under a year, not carried out, when somebody writes 36 for 365.
            assert rows(shop.engine, PLAN) == [("scheduled", "long")]
            execute(shop.engine, SHORTEN)
            shop.run(shop.day("manual"))
            one.go_on()
            finish(shop, "scheduled", one)
        twin.run(twin.day("scheduled"))
        execute(twin.engine, SHORTEN)
        twin.run(twin.day("manual"))
        wanted = books(twin.engine)
        # 400 and 60 idle days are more than 36, and 7 are not.
        assert [row[:2] for row in wanted["cards"]] == [
            ("for two months", 0), ("long", 0), ("since last week", 100),
        ]  # fmt: skip
        assert shop.faults(wanted, "cards") == []
        assert len(shop.post.mails) == len(twin.post.mails) == 2


def test_settings_shortened_overnight_hold_a_large_program(yearly) -> None:
    with yearly() as shop:
        execute(shop.engine, MANY_CARDS)
        shop.run(shop.day("first"))
        execute(shop.engine, SHORTEN)
        later = replace(shop.at(NEXT_DAY), chunk_size=1000)
        later.run(later.day("second"))
        assert rows(
            shop.engine, "select reason, count(*) from loyalty.expiration_skips group by 1"
        ) == [("held", 1101)]
        # Only the card that was due after a year, too, was expired on the first day.
        assert rows(shop.engine, "select sum(points) from loyalty.expirations") == [(100,)]
        assert violations(shop.engine, None) == []


PLAN = """
    select dag_run_id, card_number from loyalty.expiration_cohort_members as members
    join loyalty.loyalty_cards as cards on cards.id = members.card_id
    join loyalty.expiration_runs as runs on runs.id = members.run_id
    where kind = 'expiry'
"""
MANY_CARDS = """
    with
    copied as (
        insert into loyalty.loyalty_cards (
            program_id, merchant_id, customer_id, card_number, points_balance,
            total_points_earned, last_activity_at, created_at
        )
        select program_id, merchant_id, customer_id, 'copy ' || number, points_balance,
            total_points_earned, last_activity_at, created_at
        from loyalty.loyalty_cards, generate_series(1, 1100) as number
        where card_number = 'for two months'
        returning *
    )
    insert into loyalty.loyalty_transactions (
        card_id, merchant_id, transaction_type, points_delta, points_balance_after, transaction_at
    )
    select id, merchant_id, 'points_earned', points_balance, points_balance, last_activity_at
    from copied
"""
