"""Two runs, two attempts or two kinds at once on one card, in every order."""

from __future__ import annotations

from tests import factories
from tests.interleavings.application import AT, earn
from tests.interleavings.gates import SILENT
from tests.interleavings.pipeline import (
    AFTER_LOCKING,
    WITHIN_CHUNK,
    WITHIN_CLOSING,
    carrying_out,
    giving_up,
    planned,
)

# Due on 2026-01-01.
ACTIVE_AT = "2025-01-01T12:00:00+00:00"
DAY_BEFORE = "2026-01-01T02:00:00+00:00"


def test_two_backfills_at_once_expire_a_card_once(engine, judge):
    factories.card(engine, last_activity_at=ACTIVE_AT)
    first, second = (planned(engine, "expiry", name) for name in ("first", "second"))
    verdict = judge.judge(
        first=carrying_out(first, "expiry"), second=carrying_out(second, "expiry")
    )
    assert verdict.faults == []
    assert verdict.ends_serial == 2


def test_two_backfills_and_a_till_at_once(engine, judge):
    card = factories.card(engine, last_activity_at=ACTIVE_AT)
    first, second = (planned(engine, "expiry", name) for name in ("first", "second"))
    # With a gate before each statement there are 1,266 orders, of the same three ends.
    judge.silent = SILENT | WITHIN_CHUNK | {"insert into loyalty.loyalty_transactions"}
    verdict = judge.judge(
        first=carrying_out(first, "expiry"), second=carrying_out(second, "expiry"), till=earn(card)
    )
    assert verdict.faults == []
    assert verdict.ends_serial == 3


def test_two_warnings_at_once_queue_one_mail(engine, judge):
    factories.card(engine, last_activity_at="2025-01-10T12:00:00+00:00")
    first, second = (planned(engine, "warning", name) for name in ("first", "second"))
    verdict = judge.judge(
        first=carrying_out(first, "warning"), second=carrying_out(second, "warning")
    )
    assert verdict.faults == []
    assert verdict.ends_serial == 2


def test_task_and_its_own_retry_expire_a_card_once(engine, judge):
    factories.card(engine, last_activity_at=ACTIVE_AT)
    run = planned(engine, "expiry")
    # What is left to the last pass is the other attempt's business, too.
    judge.silent = (SILENT | WITHIN_CHUNK | AFTER_LOCKING) - {"next_held_cards"}
    verdict = judge.judge(task=carrying_out(run, "expiry"), retry=carrying_out(run, "expiry"))
    assert verdict.faults == []
    assert verdict.orders > 1


def test_late_warning_and_expiry_of_one_cycle(engine, judge, at):
    factories.card(engine, last_activity_at=ACTIVE_AT)
    at(DAY_BEFORE)
    warning = planned(engine, "warning", "day before", at=DAY_BEFORE)
    at(AT)
    expiry = planned(engine, "expiry")
    verdict = judge.judge(
        warning=carrying_out(warning, "warning"), expiry=carrying_out(expiry, "expiry")
    )
    assert verdict.faults == []
    assert verdict.ends_serial == 2


def test_chunk_that_was_frozen_adds_nothing_to_a_closed_run(engine, judge):
    card = factories.card(engine, last_activity_at=ACTIVE_AT)
    run = planned(engine, "expiry")
    judge.silent = (SILENT | WITHIN_CHUNK | AFTER_LOCKING | WITHIN_CLOSING) - {"hold_run"}
    verdict = judge.judge(frozen=carrying_out(run, "expiry"), retry=giving_up(run, "expiry", card))
    assert verdict.errors + verdict.broken == []
    # The one end of no serial order, and a right one: found held, and carried out after all.
    assert all('"reason": "locked"' in end for end in verdict.strange_ends)
    assert verdict.blocked > 0
