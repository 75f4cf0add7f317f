"""Tills that trade while days run: nobody is in anybody's way, and the books are right."""

from __future__ import annotations

import time

from tests.traffic.town import Town, populated

DAYS = 6
SECONDS_MAX = 25


def test_tills_see_no_error_while_days_run_on_their_cards(engine):
    town = Town(engine.url, populated(engine.url), seed=1)
    deadline = time.monotonic() + SECONDS_MAX
    with town.trading():
        for _ in range(DAYS):
            if time.monotonic() < deadline:
                town.spend_day()
    report = town.report
    print(report)
    assert town.violations == []
    # The tills and the chunks really met.
    assert report.cards_expired > 0
    assert report.cards_warned > 0
    assert report.sales_during_chunks > 0
    assert report.cards_passed_over + report.cards_came_back > 0
