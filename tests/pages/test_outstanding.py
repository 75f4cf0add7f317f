from __future__ import annotations

import csv
import io
from collections.abc import Callable

from fastapi.testclient import TestClient
from sqlalchemy import Engine

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
