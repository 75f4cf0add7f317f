"""Days of a small platform: what the pages are asked about."""

from __future__ import annotations

from dataclasses import dataclass

from tests import factories
from tests.day import run_day

FIRST_DAY, NEXT_DAY = "2026-03-02T02:00:00+00:00", "2026-03-04T02:00:00+00:00"
HOSTILE = '<script>alert("1")</script>\' or 1=1; %s %(card_id)s \\ {{ 7 * 7 }}'
HOSTILE_ESCAPED = "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;&#39; or 1=1; %s"


@dataclass(frozen=True)
class Story:
    """The ids of what was told; 3 March has no run."""

    first_run: int
    next_run: int
    expired_card: int
    warned_card: int
    held_program: int


def tell(engine, at) -> Story:
    """Expire 40 points of a card, warn about 70 of another, hold three cards with 60 points."""
    merchant = factories.merchant(engine, name=HOSTILE)
    usual = factories.program(engine, merchant_id=merchant, name=HOSTILE)
    # Due on 1 March 2026, and on 10 March 2026: warned from 24 February on.
    expired = factories.card(
        engine, usual, points=40, last_activity_at="2025-03-01T12:00:00+00:00", card_number="A%1"
    )
    warned = factories.card(engine, usual, points=70, last_activity_at="2025-03-10T12:00:00+00:00")
    factories.card(engine, usual, points=5, last_activity_at=None)
    held = factories.program(engine, size_check_cards=2)
    for points in (10, 20, 30):
        factories.card(engine, held, points=points, last_activity_at="2025-03-01T12:00:00+00:00")
    at(FIRST_DAY)
    first = run_day(engine, FIRST_DAY)
    at(NEXT_DAY)
    return Story(first, run_day(engine, NEXT_DAY), expired, warned, held)
