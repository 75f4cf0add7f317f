from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from include.clock import parse_instant
from include.database import Limits
from include.runs import RunRequest, open_run
from tests.day import run_day
from tests.factories import card, insert, merchant, program
from tests.pages.conftest import PREFIX
from tests.rows import execute, rows

HOSTILE = "<script>alert('1')</script>\"><img src=x onerror=alert(1)> 100%s %(x)s '; --"


def figures(page: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))


def charts(page: str) -> list[list[dict[str, Any]]]:
    """Return the days of every chart of a page."""
    return [json.loads(html.unescape(days)) for days in re.findall(r'data-chart="(.*?)"', page)]


@pytest.fixture
def three_days(engine: Engine, at: Callable[[str], object]) -> list[int]:
    """Days 1, 2 and 4 of March 2026; day 3 was missed. Three cards expire, one on each run."""
    home = program(engine, name="Home")
    for day, points in ((28, 100), (1, 20), (3, 7)):
        month = 2 if day == 28 else 3
        card(engine, home, points=points, last_activity_at=f"2025-{month:02}-{day:02}T12:00:00Z")
    runs = []
    for day in (1, 2, 4):
        instant = f"2026-03-0{day}T02:00:00+00:00"
        at(instant)
        runs.append(run_day(engine, instant))
    return runs


def test_overview_shows_each_day_and_the_missed_one(
    client: TestClient, three_days: list[int]
) -> None:
    page = client.get("/").text
    assert "1 of the last 4 days had no run" in page
    assert [[day["value"] for day in chart] for chart in charts(page)] == [
        [100, 20, None, 7],
        [27, 0, None, 0],
    ]
    assert [day["link"] for day in charts(page)[0]] == [
        run and f"{PREFIX}/runs/{run}" for run in (*three_days[:2], None, three_days[2])
    ]
    # The first run warns the two cards, 20 and 7 points, that are due within 14 days.
    expected = (("2", "27", "1", "100"), ("0", "0", "1", "20"), ("0", "0", "1", "7"))
    for run_id, row_figures in zip(three_days, expected, strict=True):
        row = page.split(f'<th scope="row"><a href="{PREFIX}/runs/{run_id}">')[-1]
        cells = re.findall(r'<td class="n">(.*?)</td>', row)
        assert tuple(cells[:4]) == row_figures


def test_overview_tells_what_is_held_and_each_status_of_the_mails(
    client: TestClient, engine: Engine, at: Callable[[str], object]
) -> None:
    instant = "2026-03-02T02:00:00+00:00"
    # A run for one merchant on the same day says nothing about the other's held program.
    held, other = program(engine, name="Big", size_check_cards=1), program(engine)
    for points in (10, 20, 300):
        card(engine, held, points=points, last_activity_at="2025-03-01T12:00:00Z")
    for _ in "abc":
        card(engine, other, points=5, last_activity_at="2025-03-10T12:00:00Z")
    at(instant)
    run_id = run_day(engine, instant)
    first = "where id = (select min(id) from loyalty.email_logs)"
    execute(engine, f"update loyalty.email_logs set status = 'sent' {first}")
    (merchant_id,) = rows(
        engine, "select merchant_id from loyalty.loyalty_programs where id = %(id)s", id=other
    )[0]
    run_day(engine, instant, dag_run_id="one", merchant_ids=(merchant_id,))
    page = client.get("/").text
    head = f'<th scope="row" class="d"><a href="{PREFIX}/runs/{run_id}">'
    row = page.split(head)[1].split("</tr>")[0]
    # Three cards are warned, three held: 10 + 20 + 300 points.
    cells = re.findall(r"<td.*?>(.*?)</td>", row.replace("&nbsp;", " "))
    assert cells[2:9] == ["3", "15", "0", "0", "3", "330", "2 queued, 1 sent"]
    assert "Held by the size check" in page


def test_a_run_that_is_not_closed_and_a_missing_one_need_attention(
    client: TestClient, engine: Engine, three_days: list[int], at: Callable[[str], object]
) -> None:
    execute(engine, "update loyalty.email_logs set status = 'sent'")
    at("2026-03-05T02:00:00+00:00")
    quiet = client.get("/").text
    assert "is not closed" not in quiet
    assert "No run was closed" not in quiet
    at("2026-03-05T04:00:01+00:00")
    assert "No run was closed in the last 26 hours" in client.get("/").text
    request = RunRequest(
        "loyalty_points_expiration",
        "scheduled__5",
        parse_instant("2026-03-05T02:00:00+00:00", "as_of"),
    )
    run_id = open_run(engine, request)
    opened = client.get("/").text
    assert f'<a href="{PREFIX}/runs/{run_id}">The run of 2026-03-05 02:00 UTC</a> is not' in opened
    assert '<p class="fine">Nothing.</p>' not in opened


def test_a_fine_night_needs_no_attention(
    client: TestClient, engine: Engine, at: Callable[[str], object]
) -> None:
    program(engine)
    at("2026-03-05T02:00:00+00:00")
    run_day(engine, "2026-03-05T02:00:00+00:00")
    assert '<p class="fine">Nothing.</p>' in client.get("/").text


def test_mails_of_any_run_that_fail_need_attention_for_a_week(
    client: TestClient, engine: Engine, at: Callable[[str], object]
) -> None:
    card_id = card(engine, program(engine, name="Far"), last_activity_at="2026-03-01T12:00:00Z")
    mail = {"language": "en", "card_id": card_id, "queued_at": "2026-03-02T02:00:00Z"}
    for status in ("failed", "failed", "sent"):
        insert(
            engine,
            "email_logs",
            mail
            | {
                "template_code": "loyalty_enrollment",
                "status": status,
                "occurrence_key": f"{status}{len(rows(engine, 'select from loyalty.email_logs'))}",
            },
        )
    at("2026-03-09T01:59:00+00:00")
    page = client.get("/").text
    assert '<td>Mails not delivered</td><td class="n">2</td>' in page
    at("2026-03-09T02:00:00+00:00")
    assert "Mails not delivered" not in client.get("/").text


def test_a_day_is_missed_only_when_it_is_over(
    client: TestClient, three_days: list[int], at: Callable[[str], object]
) -> None:
    at("2026-03-05T23:59:00+00:00")
    assert "1 of the last 4 days had no run" in client.get("/").text
    at("2026-03-06T00:00:00+00:00")
    assert "2 of the last 5 days had no run" in client.get("/").text


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


def test_hostile_values_stay_text_on_every_page(
    client: TestClient, engine: Engine, at: Callable[[str], object]
) -> None:
    home = program(
        engine, merchant_id=merchant(engine, name=HOSTILE), name=HOSTILE, warning_days=[400]
    )
    card_id = card(engine, home, card_number=HOSTILE, last_activity_at="2025-01-01T12:00:00Z")
    card(engine, home, card_number=f"{HOSTILE}2", last_activity_at="2025-04-01T12:00:00Z")
    insert(engine, "stores", {"merchant_id": 1, "name": HOSTILE, "default_language": "en"})
    insert(
        engine,
        "email_logs",
        {
            "template_code": HOSTILE, "language": "en", "card_id": card_id, "status": "ambiguous",
            "occurrence_key": "x", "message_id": HOSTILE, "error_message": HOSTILE,
        },
    )  # fmt: skip
    at("2026-03-01T02:00:00+00:00")
    run_id = run_day(engine, "2026-03-01T02:00:00+00:00", dag_run_id=HOSTILE)
    for path in (
        "/", f"/runs/{run_id}", f"/cards/{card_id}", "/mails", "/forecast", "/forecast?count=now",
        f"/forecast?program={home}", "/outstanding", "/templates?store=1", f"/runs/{run_id}/proof",
        "/templates/edit?code=loyalty_points_expired&language=en&store=1",
        f"/cards?q={quote(HOSTILE)}3",
    ):  # fmt: skip
        answer = client.get(path)
        page = answer.text
        assert answer.status_code == 200, path
        assert "&lt;script&gt;alert(" in page or path.endswith("/proof"), path
        assert "<script>alert" not in page, path
        assert "<img" not in page, path


@pytest.mark.parametrize("words", [HOSTILE, "%", "\0", "'", "9" * 40, "²", "-1", "\N{PILE OF POO}"])
def test_hostile_query_strings_stay_text(client: TestClient, words: str) -> None:
    for path, name in (("/cards", "q"), ("/", "before"), ("/forecast", "program")):
        answer = client.get(path, params={name: words})
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text
    for path in ("/cards/", "/runs/", "/dag-runs/x/"):
        assert client.get(path + words.replace("\0", "%00")).status_code in (200, 404)


def test_pages_have_no_inline_script_or_style(client: TestClient, three_days: list[int]) -> None:
    for path in ("/", f"/runs/{three_days[0]}", "/cards/1", "/forecast", "/mails"):
        page = client.get(path).text
        assert not re.search(r"<script(?! src=)|<style| style=| on\w+=|javascript:", page), path
        assert set(re.findall(r'(?:src|href)="(?!/)([^"]*)"', page)) == set(), path


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
