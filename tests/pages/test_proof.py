from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from include.cohort_files import export
from include.database import Limits
from include.pages import proof
from include.reconcile import check_names
from tests.day import run_day
from tests.factories import adjust, card, earn, program
from tests.rows import execute

INSTANT = "2026-03-02T02:00:00+00:00"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOYALTY_COHORT_ROOT", str(tmp_path / "cohorts"))
    return tmp_path / "cohorts"


@pytest.fixture
def run_id(engine: Engine, at: Callable[[str], object], root: Path) -> int:
    """Home: two cards expire (100 and 20 points), one is warned (7); its files are written."""
    home = program(engine, name="Home", size_check_cards=None)
    for day, points in (("2025-02-27", 100), ("2025-02-28", 20), ("2025-03-10", 7)):
        card(engine, home, points=points, card_number=day, last_activity_at=f"{day}T12:00:00Z")
    at(INSTANT)
    run_id = run_day(engine, INSTANT)
    for kind in ("warning", "expiry"):
        export(engine, root, run_id, kind)
    return run_id


def card_of(client: TestClient, number: str) -> int:
    return int(client.get(f"/cards?q={number}").headers["location"].rsplit("/", 1)[1])


def books(page: str) -> list[str]:
    row = page.split('<th scope="row">Home')[1].split("</tr>")[0]
    return re.findall(r'<td class="n">(.*?)</td>', row)


def test_a_sound_run_is_proven_again_by_every_check_and_each_program(
    client: TestClient, engine: Engine, run_id: int, at: Callable[[str], object]
) -> None:
    page = client.get(f"/runs/{run_id}/proof").text
    assert "Programs with planned cards: 1. All add up" in page
    # Three cards: 127 = opening, 120 expired, 7 closing; the report says 120.
    assert books(page) == ["3", "127", "0", "0", "120", "7", "120"]
    assert page.count(">holds</span>") == 1 + len(check_names())
    assert "Invariant 6: nothing expired before its time" in page
    # Life goes on: credits and debits since the run are told as such.
    at("2026-03-03T12:00:00+00:00")
    earn(engine, card_of(client, "2025-02-27"), 50, "2026-03-03T10:00:00Z")
    adjust(engine, card_of(client, "2025-03-10"), -3, "2026-03-03T10:00:00Z")
    page = client.get(f"/runs/{run_id}/proof").text
    assert books(page) == ["3", "127", "50", "3", "120", "54", "120"]
    assert "Programs with planned cards: 1. All add up" in page


def test_points_that_nobody_booked_and_a_changed_report_are_seen(
    client: TestClient, engine: Engine, run_id: int
) -> None:
    card_id = card_of(client, "2025-03-10")
    execute(
        engine,
        "update loyalty.loyalty_cards set points_balance = 9 where id = %(id)s",
        id=card_id,
    )
    execute(engine, "update loyalty.expiration_run_programs set points_expired = 119")
    page = client.get(f"/runs/{run_id}/proof").text
    assert "Of 1 programs 1 do not add up and 1 are reported otherwise" in page
    assert "does not add up</span>" in page
    assert re.search(rf'1 broken</span>\s*<br><a href="[^"]*/cards/{card_id}">', page)
    broken = re.findall(
        r'<span class="faint">(\w+)</span></th>\s*<td><span class="badge bad">', page
    )
    named = {"books", "01_balance_is_sum_of_ledger", "10_report_equals_ledger"}
    assert named | {"11_closed_runs_never_change"} <= set(broken)


def test_each_part_shows_the_checksum_of_the_file(
    client: TestClient, run_id: int, root: Path
) -> None:
    page = client.get(f"/runs/{run_id}/proof").text
    parts = sorted(root.rglob("part-*.csv"))
    assert len(parts) == 2
    for part in parts:
        assert f"<code>{hashlib.sha256(part.read_bytes()).hexdigest()}</code>" in page


def test_a_manifest_that_is_gone_or_altered_is_said_and_names_no_part(
    client: TestClient, run_id: int, root: Path
) -> None:
    altered, gone = sorted(root.rglob("manifest.json"))
    altered.write_text(altered.read_text().replace('"rows": 2', '"rows": 3'))
    gone.unlink()
    page = client.get(f"/runs/{run_id}/proof").text
    assert page.count("The manifest is gone, or it is not the one written.") == 2
    assert "part-00000.csv" not in page


def test_files_out_of_reach_leave_the_proof_on_the_page(
    app: FastAPI, client: TestClient, run_id: int
) -> None:
    class Unreachable(Exception):
        pass

    def fail(place: str) -> Path:
        raise Unreachable(place)

    app.state.open_root = fail
    page = client.get(f"/runs/{run_id}/proof").text
    assert page.count("The web server cannot reach the files (Unreachable).") == 2
    assert page.count(">holds</span>") == 1 + len(check_names())


@pytest.mark.parametrize("limit", ["statement_timeout", "lock_timeout"])
def test_a_check_that_is_cut_off_is_no_proof(
    client: TestClient, engine: Engine, run_id: int, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(proof, "PAGE", Limits(**{limit: "50ms"}))
    with engine.begin() as somebody:
        somebody.exec_driver_sql("lock table loyalty.expiration_notices")
        page = client.get(f"/runs/{run_id}/proof").text
    cut_off = re.findall(
        r'<span class="faint">(\w+)</span></th>\s*<td><span class="badge busy', page
    )
    assert "13_minimum_notice_was_given" in cut_off
    assert page.count(">holds</span>") == 1 + len(check_names()) - len(cut_off)


def test_a_run_that_is_not_there_has_no_proof(client: TestClient) -> None:
    assert client.get("/runs/5/proof").status_code == 404
    assert client.get("/runs/x/proof").status_code == 404
