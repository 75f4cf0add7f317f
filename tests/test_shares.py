"""A cohort that several tasks carry out: each its share, and every card once."""

from __future__ import annotations

from datetime import datetime

import pytest

from include.cohorts import carry_out, select_cohort, share_cohort
from include.database import Limits
from include.runs import RunRequest, open_run
from tests import factories
from tests.rows import rows

DAY_AFTER = "2026-01-02T02:00:00+00:00"


def open_with_plan(engine):
    run_id = open_run(engine, RunRequest("shares", "manual", datetime.fromisoformat(DAY_AFTER)))
    select_cohort(engine, run_id, "expiry")
    return run_id


def expired_cards(engine):
    return rows(engine, "select card_id from loyalty.expirations order by card_id")


def test_shares_take_every_card_once_in_any_order(engine, at, monkeypatch):
    monkeypatch.setenv("LOYALTY_CHUNK_SIZE", "2")
    at(DAY_AFTER)
    program = factories.program(engine)
    cards = [factories.card(engine, program, points=number) for number in range(1, 8)]
    run_id = open_with_plan(engine)
    shares = share_cohort(engine, run_id, "expiry", shares_max=3)
    # Seven cards in three shares: 3, 2 and 2.
    assert [(share.after_card_id, share.last_card_id_max) for share in shares] == [
        (0, cards[2]),
        (cards[2], cards[4]),
        (cards[4], 2**63 - 1),
    ]
    done = [carry_out(engine, run_id, "expiry", share=share) for share in reversed(shares)]
    # From the last share to the first: 6 + 7, then 4 + 5, then 1 + 2 + 3 points.
    assert [deeds.points_done for deeds in done] == [13, 22, 28]
    assert carry_out(engine, run_id, "expiry", share=shares[1]) == done[-1]
    assert expired_cards(engine) == [(card,) for card in cards]


@pytest.mark.parametrize(("cards", "shares"), [(0, 1), (1, 1), (2, 2), (3, 3), (4, 3)])
def test_a_share_has_a_card_at_least_unless_there_is_none(engine, at, cards, shares):
    at(DAY_AFTER)
    program = factories.program(engine)
    for _ in range(cards):
        factories.card(engine, program)
    found = share_cohort(engine, open_with_plan(engine), "expiry", shares_max=3)
    assert len(found) == shares
    assert (found[0].after_card_id, found[-1].last_card_id_max) == (0, 2**63 - 1)


def test_share_leaves_the_held_cards_of_others_to_them(engine, at, monkeypatch):
    monkeypatch.setattr("include.cohorts.LAST_PASS", Limits(lock_timeout="50ms"))
    at(DAY_AFTER)
    program = factories.program(engine)
    first, second = (factories.card(engine, program) for _ in range(2))
    run_id = open_with_plan(engine)
    shares = share_cohort(engine, run_id, "expiry", shares_max=2)
    with engine.connect() as till:
        till.exec_driver_sql(
            "select from loyalty.loyalty_cards where id = %(id)s for update", {"id": second}
        )
        carry_out(engine, run_id, "expiry", share=shares[0])
        till.rollback()
    assert expired_cards(engine) == [(first,)]
    assert rows(engine, "select * from loyalty.expiration_skips") == []
    assert carry_out(engine, run_id, "expiry", share=shares[1]).cards_done == 2
