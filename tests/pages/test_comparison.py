from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from include import cohorts, decisions
from include.cohorts import carry_out
from include.database import Limits
from include.pages.comparison import Comparison, compare
from include.runs import close_run
from tests.day import foreseen_day
from tests.factories import adjust, card, earn, program, redeem, void
from tests.rows import execute, rows

FIRST = "2026-03-02T02:00:00+00:00"
BETWEEN = "2026-03-02T15:00:00+00:00"
SECOND = "2026-03-03T02:00:00+00:00"
LATER = "2026-03-04T02:00:00+00:00"
# 30 days after 31 January lies 2 March: the run of the 3rd takes the points.
ACTIVE_AT = "2026-01-31T12:00:00+00:00"
Clock = Callable[[str], object]


def days(engine: Engine, **columns: Any) -> int:
    settings = {"points_expiration_days": 30, "warning_days": [], "size_check_cards": None}
    return program(engine, **settings | columns)


def due(engine: Engine, home: int, points: int, **columns: Any) -> int:
    return card(engine, home, points=points, last_activity_at=ACTIVE_AT, **columns)


def run_at(engine: Engine, at: Clock, instant: str) -> int:
    at(instant)
    return foreseen_day(engine, instant)


def compared(engine: Engine, run_id: int) -> Comparison:
    """Return the comparison, after making sure that its lines add up, in cards and in points."""
    found = compare(engine, run_id)
    assert found is not None
    parts = (found.expired, *found.differences)
    assert found.forecast.cards == sum(line.cards for line in parts)
    assert found.forecast.points == sum(line.points for line in parts)
    taken = (found.expired, *found.unforeseen)
    assert (found.taken.cards, found.taken.points) == (
        sum(line.cards for line in taken),
        sum(line.points for line in taken),
    )
    return found


def lines(parts: Any) -> dict[str, tuple[int, int]]:
    return {line.name: (line.cards, line.points) for line in parts}


def test_run_for_some_merchants_hides_not_the_comparison_of_all(engine: Engine, at: Clock) -> None:
    home, other = days(engine), days(engine)
    due(engine, home, 10)
    run_at(engine, at, FIRST)
    whole = run_at(engine, at, SECOND)
    at("2026-03-03T10:00:00+00:00")
    (merchant_id,) = rows(
        engine, f"select merchant_id from loyalty.loyalty_programs where id = {other}"
    )[0]
    foreseen_day(engine, "2026-03-03T10:00:00+00:00", merchant_ids=(merchant_id,))
    found = compare(engine)
    assert found is not None
    assert (found.run_id, found.expired.cards) == (whole, 1)


def test_each_way_to_keep_or_lose_the_points_is_told_and_the_sum_is_the_forecast(
    client: TestClient, engine: Engine, at: Clock
) -> None:
    home, changed, stopped = (days(engine) for _ in "abc")
    held = days(engine, size_check_cards=1)
    due(engine, home, 1)
    more, back, spent, none, off = (due(engine, home, 10**n) for n in range(1, 6))
    due(engine, changed, 200)
    due(engine, stopped, 3000)
    for _ in "ab":
        due(engine, held, 40)
    noticed = days(engine, warning_days=[14], min_notice_days=14)
    due(engine, noticed, 7)
    run_at(engine, at, FIRST)
    adjust(engine, more, 5, BETWEEN)
    earn(engine, back, 1, BETWEEN)
    redeem(engine, spent, 999, BETWEEN)
    void(engine, none, 10_000, BETWEEN)
    execute(engine, "update loyalty.loyalty_cards set is_active = false where id = %(id)s", id=off)
    change = "update loyalty.loyalty_programs set {} where id = %(id)s"
    execute(engine, change.format("points_expiration_days = 60"), id=changed)
    execute(engine, change.format("is_active = false"), id=stopped)
    second = run_at(engine, at, SECOND)
    found = compared(engine, second)
    assert (found.forecast.cards, found.forecast.points) == (11, 114_398)
    assert lines([found.expired]) == {"Expired as forecast": (2, 16)}
    assert lines(found.differences) == {
        "Came back": (1, 100),
        "Redeemed": (1, 1000),
        "Emptied otherwise": (1, 10_000),
        "Settings changed": (1, 200),
        "Held": (2, 80),
        "Notice owed or promised later": (1, 7),
        "Deactivated": (2, 103_000),
        "Points changed": (0, -5),
    }
    assert found.unforeseen == ()
    for path in (f"/runs/{second}", "/forecast"):
        page = client.get(path).text
        shown = re.findall(r'row">([\w ]+?)(?: <span.*?)?</th><td class="n">(\d+)</td><td', page)
        assert {"Forecast": "11", "Held": "2", "Redeemed": "1"}.items() <= dict(shown).items(), path


def test_an_approved_plan_counts_as_expired_and_one_rejected_as_held(
    engine: Engine, at: Clock
) -> None:
    plans = [days(engine, size_check_cards=1) for _ in "ab"]
    for home in plans:
        for points in (10, 20):
            due(engine, home, points)
    run_at(engine, at, FIRST)
    second = run_at(engine, at, SECOND)
    assert lines(compared(engine, second).differences) == {"Held": (4, 60)}
    answers: tuple[decisions.Answer, ...] = ("approved", "rejected")
    for home, answer in zip(plans, answers, strict=True):
        plan = decisions.HeldPlan(second, home)
        run_id = decisions.open_held_run(engine, dag_id="held", dag_run_id=answer, plan=plan)
        decisions.decide(engine, run_id, "expiry", answer)
        carry_out(engine, run_id, "expiry")
        close_run(engine, run_id)
    found = compared(engine, second)
    assert lines([found.expired, *found.differences]) == {
        "Expired as forecast": (2, 30),
        "Held": (2, 30),
    }


def test_a_card_that_a_till_holds_and_one_promised_later_are_told(
    engine: Engine, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = days(engine)
    busy = due(engine, home, 10)
    promised = due(engine, days(engine, warning_days=[14]), 20)
    run_at(engine, at, FIRST)
    execute(
        engine,
        "update loyalty.expiration_notices set promised_on = '2026-03-09' where card_id = %(id)s",
        id=promised,
    )
    monkeypatch.setattr(cohorts, "LAST_PASS", Limits(lock_timeout="50ms"))
    with engine.begin() as till:
        lock = "select id from loyalty.loyalty_cards where id = %(id)s for update"
        till.exec_driver_sql(lock, {"id": busy})
        second = run_at(engine, at, SECOND)
    found = compared(engine, second)
    assert lines(found.differences) == {
        "Held by a till": (1, 10),
        "Notice owed or promised later": (1, 20),
    }


def test_a_run_before_the_day_comes_leaves_the_forecast_due(engine: Engine, at: Clock) -> None:
    due(engine, days(engine), 10)
    run_at(engine, at, FIRST)
    same_day = run_at(engine, at, "2026-03-02T20:00:00+00:00")
    assert lines(compared(engine, same_day).differences) == {"Still due": (1, 10)}


def test_what_nobody_had_forecast_has_its_reason(engine: Engine, at: Clock) -> None:
    home, shorter = days(engine), days(engine, points_expiration_days=60)
    left_out = days(engine, is_active=False)
    due(engine, home, 1)
    card(engine, home, points=20, last_activity_at="2026-02-01T12:00:00+00:00")  # 4 March
    due(engine, shorter, 300)
    due(engine, left_out, 4000)
    emptied = due(engine, home, 0)
    off = due(engine, home, 60_000, is_active=False)
    run_at(engine, at, FIRST)
    change = "update loyalty.loyalty_programs set {} where id = %(id)s"
    execute(engine, change.format("points_expiration_days = 30"), id=shorter)
    execute(engine, change.format("is_active = true"), id=left_out)
    adjust(engine, emptied, 50_000, BETWEEN)
    execute(engine, "update loyalty.loyalty_cards set is_active = true where id = %(id)s", id=off)
    # The run of the 3rd is missed: the one of the 4th takes two days.
    run_id = run_at(engine, at, LATER)
    found = compared(engine, run_id)
    assert lines([found.forecast, found.expired]) == {
        "Forecast": (1, 1),
        "Expired as forecast": (1, 1),
    }
    assert {line.name.split(":")[0]: (line.cards, line.points) for line in found.unforeseen} == {
        "Fell due after the day that was forecast": (1, 20),
        "The program's settings changed": (1, 300),
        "The program was left out of the run before": (1, 4000),
        "Points came without activity, by adjustment for instance": (1, 50_000),
        "Not recorded": (1, 60_000),
    }
    reported = "select cards_expired, points_expired from loyalty.expiration_runs where id = %(id)s"
    assert rows(engine, reported, id=run_id) == [(found.taken.cards, found.taken.points)]


def test_a_repeated_day_is_compared_with_the_day_before_too(engine: Engine, at: Clock) -> None:
    due(engine, days(engine), 10)
    first = run_at(engine, at, FIRST)
    assert compare(engine, first) is None
    run_at(engine, at, SECOND)
    repeated = run_at(engine, at, SECOND)
    found = compared(engine, repeated)
    assert (found.forecast_run_id, found.run_id) == (first, repeated)
    assert lines([found.expired]) == {"Expired as forecast": (1, 10)}


def test_a_run_for_some_merchants_is_compared_for_their_programs_alone(
    engine: Engine, at: Clock
) -> None:
    one, other = days(engine), days(engine)
    due(engine, one, 10)
    due(engine, other, 20)
    run_at(engine, at, FIRST)
    (merchant_id,) = rows(
        engine, "select merchant_id from loyalty.loyalty_programs where id = %(id)s", id=one
    )[0]
    at(SECOND)
    run_id = foreseen_day(engine, SECOND, merchant_ids=(merchant_id,))
    assert lines([compared(engine, run_id).forecast]) == {"Forecast": (1, 10)}
