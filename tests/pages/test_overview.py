"""The first page: each day with its run or without, and what needs attention."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from include.clock import parse_instant
from include.runs import RunRequest, open_run
from tests.day import run_day
from tests.factories import card, insert, program
from tests.pages.conftest import PREFIX
from tests.rows import execute, rows


def charts(page: str) -> list[list[dict[str, Any]]]:
    """Return the days of every chart of a page."""
    return [json.loads(html.unescape(days)) for days in re.findall(r'data-chart="(.*?)"', page)]


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
