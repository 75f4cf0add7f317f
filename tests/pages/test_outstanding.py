from __future__ import annotations

import csv
import io
from collections.abc import Callable

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from tests.day import foreseen_day
from tests.factories import card, program, redeem, void


def test_points_are_counted_by_age_and_names_are_no_formulas(
    client: TestClient, engine: Engine, at: Callable[[str], object]
) -> None:
    at("2026-03-01T00:00:00+00:00")
    home = program(engine, name="=1+1")
    card(engine, home, points=10, last_activity_at="2026-02-20T00:00:00+00:00")
    card(engine, home, points=20, last_activity_at=None)
    old = card(engine, home, points=100, last_activity_at="2025-01-01T00:00:00+00:00")
    redeem(engine, old, 30, "2025-01-02T00:00:00+00:00")
    void(engine, old, 10, "2025-01-03T00:00:00+00:00")
    answer = client.get("/outstanding.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    shown = [(row["age_days_min"], row["cards_total"], row["points_total"]) for row in rows]
    assert shown == [("0", "1", "10"), ("366", "1", "60"), ("", "1", "20")]
    assert {row["program_name"] for row in rows} == {"'=1+1"}
    # 10 voided of 40 voided or redeemed: a quarter of 60 points.
    assert (rows[1]["breakage_share"], rows[1]["breakage_points"]) == ("0.2500", "15")
    page = client.get("/outstanding").text
    assert "<dt>Outstanding points</dt><dd>90</dd>" in page


def test_a_platform_without_points_has_an_empty_page(client: TestClient) -> None:
    assert "<dt>Outstanding points</dt><dd>0</dd>" in client.get("/outstanding").text


def test_the_count_of_the_last_run_is_shown_until_it_is_two_days_old(
    client: TestClient, engine: Engine, at: Callable[[str], object]
) -> None:
    at("2026-03-08T02:00:00+00:00")
    home = program(engine, points_expiration_days=30, warning_days=[])
    card(engine, home, points=10, last_activity_at="2026-02-20T12:00:00+00:00")
    run_id = foreseen_day(engine, "2026-03-08T02:00:00+00:00")
    card(engine, home, points=200, last_activity_at="2026-02-21T12:00:00+00:00")
    kept, counted = f"when run {run_id} had closed its books", "Counted just now"
    for later, query, words, points in (
        ("2026-03-09T02:00:00+00:00", "", kept, 10),
        ("2026-03-09T02:00:00+00:00", "?count=now", counted, 210),
        ("2026-03-10T02:00:01+00:00", "", counted, 210),
        ("2026-03-08T01:59:59+00:00", "", counted, 210),
    ):
        at(later)
        outstanding = client.get(f"/outstanding{query}").text
        assert words in outstanding, later
        assert f"<dt>Outstanding points</dt><dd>{points}</dd>" in outstanding, later
        forecast = client.get(f"/forecast{query}").text
        assert words in forecast, later
        assert f"<dt>Points in 90 days</dt><dd>{points}</dd>" in forecast, later
        (row,) = csv.DictReader(io.StringIO(client.get(f"/outstanding.csv{query}").text))
        assert row["points_total"] == str(points)
        assert row["counted_at"] == ("2026-03-08T02:00:00+00:00" if words == kept else later)
    at("2026-03-09T02:00:00+00:00")
    link = f'/forecast?program={home}&amp;count=now"'
    assert link in client.get(f"/forecast?program={home}").text
