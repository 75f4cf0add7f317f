"""A chunk beside whatever the application may do at the same time, in every order."""

from __future__ import annotations

import pytest

from include.cohorts import carry_out
from include.runs import close_run
from tests import factories
from tests.interleavings import application
from tests.interleavings.gates import SILENT
from tests.interleavings.pipeline import WITHIN_CHUNK, carrying_out, planned
from tests.rows import execute, skips

# With 365 days the first is due on 2026-01-01 and expires on the 2nd, the day of every play; the
# second is due on 2026-01-10, within the warning stage of 14 days.
ACTIVE_AT = {"expiry": "2025-01-01T12:00:00+00:00", "warning": "2025-01-10T12:00:00+00:00"}
KINDS = pytest.mark.parametrize("kind", ["expiry", "warning"])


@KINDS
@pytest.mark.parametrize(
    "deed",
    [
        application.earn, application.earn_ledger_first, application.redeem_all,
        application.adjust, application.stamp, application.deactivate, application.suppress,
        application.erase, application.close_shop,
    ],
    ids=lambda deed: deed.__name__,
)  # fmt: skip
def test_every_order_ends_like_a_serial_one(engine, judge, kind, deed):
    card = factories.card(engine, last_activity_at=ACTIVE_AT[kind])
    run = planned(engine, kind)
    verdict = judge.judge(job=carrying_out(run, kind), application=deed(card))
    assert verdict.faults == []
    assert verdict.orders > 1


@KINDS
def test_settings_of_before_or_after_decide_and_never_both(engine, judge, kind):
    program = factories.program(engine)
    factories.card(engine, program, last_activity_at=ACTIVE_AT[kind])
    run = planned(engine, kind)
    lengthen = application.lengthen_program(program)
    verdict = judge.judge(job=carrying_out(run, kind), application=lengthen)
    assert verdict.faults == []
    assert verdict.orders > 1


@KINDS
@pytest.mark.parametrize("order", [1, -1], ids=["upwards", "downwards"])
def test_till_with_two_cards_is_in_nobodys_way(engine, judge, kind, order):
    program = factories.program(engine)
    cards = [factories.card(engine, program, last_activity_at=ACTIVE_AT[kind]) for _ in range(2)]
    run = planned(engine, kind)
    judge.silent = SILENT | WITHIN_CHUNK
    till = application.earn(*cards[::order])
    verdict = judge.judge(job=carrying_out(run, kind), till=till)
    assert verdict.faults == []
    assert verdict.standoffs == 0
    assert verdict.blocked > 0


def test_erasure_that_holds_the_old_warning_mail_goes_through(engine, judge):
    card = factories.card(engine, last_activity_at=ACTIVE_AT["warning"])
    first = planned(engine, "warning", "first")
    carry_out(engine, first, "warning")
    close_run(engine, first)
    # Eligible again, so that the chunk updates the row that the erasure holds.
    execute(engine, "update loyalty.email_logs set status = 'superseded'")
    run = planned(engine, "warning")
    verdict = judge.judge(job=carrying_out(run, "warning"), application=application.erase(card))
    assert verdict.faults == []
    assert verdict.standoffs > 0


def test_last_pass_gives_way_to_an_erasure_that_waits_for_its_card(engine, judge):
    card = factories.card(engine, last_activity_at=ACTIVE_AT["warning"])
    first = planned(engine, "warning", "first")
    carry_out(engine, first, "warning")
    close_run(engine, first)
    execute(engine, "update loyalty.email_logs set status = 'superseded'")
    run = planned(engine, "warning")
    # A till holds the card, the last pass waits for it, and behind it the erasure, which holds
    # the mail that the last pass will ask for next.
    played = judge.play_once(
        [
            ("till", "update loyalty.loyalty_cards"),
            ("job", "lock_held_card"),
            ("erasure", "update loyalty.loyalty_cards"),
            ("till", "commit"),
            ("job", "queue_warnings/01"),
        ],
        till=application.adjust(card),
        job=carrying_out(run, "warning"),
        erasure=application.erase(card),
    )
    assert played.standoffs > 0
    assert played.errors == {}
    assert skips(engine, run) == [("warning", card, "locked")]
