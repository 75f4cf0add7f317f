"""What the pages tell of a run, of a card and of the days to come."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from include.database import Limits
from tests.day import run_day
from tests.factories import card, merchant, program
from tests.pages.conftest import PREFIX
from tests.rows import execute


def figures(page: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))


def test_run_tab_shows_the_latest_attempt_of_a_dag_run(
    client: TestClient, three_days: list[int]
) -> None:
    dag_run = "/dag-runs/loyalty_points_expiration/scheduled__2026-03-02T02:00:00+00:00"
    page = client.get(dag_run).text
    assert f"Run {three_days[1]}, standing for 2026-03-02 02:00 UTC" in page
    assert "The report equals the ledger." in page
    assert figures(page)["Points expired"] == "20"
    assert f'href="{PREFIX}/runs/{three_days[0]}"' in page
    link = (
        "/behind/a/proxy/dags/loyalty_points_expiration/runs/scheduled__2026-03-02T02:00:00+00:00"
    )
    assert f'href="{link}"' in page


def test_a_dag_run_without_a_run_says_so(client: TestClient) -> None:
    answer = client.get("/dag-runs/loyalty_points_expiration/manual__1")
    assert answer.status_code == 404
    assert "No run of the pipeline belongs to this address" in answer.text


def test_card_tells_why_its_points_expired(
    client: TestClient, engine: Engine, at: Callable[[str], object]
) -> None:
    home = program(engine, time_zone="Europe/Luxembourg", points_expiration_days=30)
    # 23:30 UTC is the next day in Luxembourg: 2 January + 30 days = 1 February.
    card_id = card(
        engine, home, points=41, card_number="K-41", last_activity_at="2026-01-01T23:30:00Z"
    )
    at("2026-02-02T02:00:00+00:00")
    run_id = run_day(engine, "2026-02-02T02:00:00+00:00")
    assert client.get("/cards?q=K-41").headers["location"] == f"{PREFIX}/cards/{card_id}"
    page = client.get(f"/cards/{card_id}").text
    assert "41 points, booked 2026-02-02 02:00 UTC" in page
    assert "which is 2026-01-02 in Europe/Luxembourg" in page
    assert "Due on 2026-02-01" in page
    assert f'<a href="{PREFIX}/runs/{run_id}">Run {run_id}</a>' in page
    assert "Camille" not in page
    assert "example.org" not in page


def test_forecast_names_what_the_next_days_take(
    client: TestClient, engine: Engine, at: Callable[[str], object]
) -> None:
    home = program(engine, points_expiration_days=30)
    for day, points in ((1, 10), (2, 20), (3, 40)):
        card(engine, home, points=points, last_activity_at=f"2026-01-0{day}T12:00:00Z")
    card(engine, program(engine, points_expiration_days=None), last_activity_at="2026-01-01T00:00Z")
    at("2026-02-01T02:00:00+00:00")
    page = client.get("/forecast").text
    shown = dict(
        re.findall(r'row">(\S+)</th><td class="n">\d+</td><td class="n">(\d+)</td></tr>', page)
    )
    # 1 January + 30 days is 31 January, taken on 1 February, and so on.
    foretold = [int(shown[f"2026-02-0{day}"]) for day in (1, 2, 3, 4)]
    assert foretold == [10, 20, 40, 0]
    taken = []
    for day in (1, 2, 3, 4):
        instant = f"2026-02-0{day}T02:00:00+00:00"
        at(instant)
        page = client.get(f"/runs/{run_day(engine, instant)}").text
        taken.append(int(figures(page)["Points expired"]))
    assert taken == foretold


def test_card_page_dates_the_points_as_a_run_would(client: TestClient, engine: Engine) -> None:
    def told(last_activity_at: str, **settings: object) -> str:
        home = program(engine, **({"points_expiration_days": 30} | settings))
        card_id = card(engine, home, last_activity_at=last_activity_at)
        answer = client.get(f"/cards/{card_id}")
        assert answer.status_code == 200
        return answer.text

    on_time = "2026-02-06T12:00Z"
    assert "until the end of 2026-03-08" in told(on_time, time_zone="europe/luxembourg")
    assert "does not know the program" in told(on_time, time_zone="Mars/Olympus")
    assert "lie beyond the calendar" in told(on_time, points_expiration_days=2_000_000_000)
    assert "has no expiration days" in told(on_time, points_expiration_days=-5)
    assert "36500 days have passed" in told(on_time, min_notice_days=2_000_000_000)
    for nothing in ("1970-01-01T00:00Z", "-infinity", "infinity", "9500-01-01T00:00Z"):
        assert "outside the calendar" in told(nothing), nothing


def test_a_card_that_changed_its_program_keeps_its_story(
    client: TestClient, engine: Engine, at: Callable[[str], object]
) -> None:
    at("2026-02-02T02:00:00+00:00")
    home = merchant(engine)
    old = program(engine, merchant_id=home, points_expiration_days=30)
    card_id = card(engine, old, points=41, last_activity_at="2026-01-01T12:00:00Z")
    run_day(engine, "2026-02-02T02:00:00+00:00")
    new = program(engine, merchant_id=home, points_expiration_days=90)
    execute(engine, "update loyalty.loyalty_cards set program_id = %(new)s", new=new)
    page = client.get(f"/cards/{card_id}").text
    assert "41 points, booked 2026-02-02 02:00 UTC" in page
    assert "The settings as they were: 30 days" in page


def test_a_page_that_the_database_does_not_answer_says_so(
    client: TestClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = Limits(statement_timeout="20ms", lock_timeout="60s")
    monkeypatch.setattr("include.pages.reading.PAGE", impatient)
    with engine.begin() as connection:
        connection.exec_driver_sql("lock table loyalty.loyalty_cards in access exclusive mode")
        answer = client.get("/outstanding?count=now")
    assert answer.status_code == 503
    assert "The database did not answer within" in answer.text


def test_a_run_is_measured_by_the_median_of_the_days_before(
    client: TestClient, engine: Engine, at: Callable[[str], object]
) -> None:
    home = program(engine, warning_days=[], size_check_cards=None)
    # Due on 1 to 4 March, taken a day later: 1, 3, 2 and then 5 cards of 10 points.
    for day, cards in ((1, 1), (2, 3), (3, 2), (4, 5)):
        for _ in range(cards):
            card(engine, home, points=10, last_activity_at=f"2025-03-0{day}T12:00:00Z")
    for day in (2, 3, 4, 5):
        instant = f"2026-03-0{day}T02:00:00+00:00"
        at(instant)
        run_id = run_day(engine, instant)
    page = client.get(f"/runs/{run_id}").text
    row = page.split('<tr class="this"><th scope="row">2026-03-05')[1].split("</tr>")[0]
    # Median of 1, 3 and 2 cards: 2; 5 is 2.5 times as many. Nobody was warned: no ratio.
    assert ">5 <span" in row
    assert re.findall(r'<span class="faint">([\d.]+)&nbsp;', row) == ["2.5", "2.5"]
    assert 'Median of the 3 before</th><td class="n">0</td><td class="n">2</td>' in page
