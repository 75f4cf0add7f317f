"""Who may read, and what a browser may do with a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException

from include.pages.app import build_app

PAGES = Path(__file__).parents[2] / "include" / "pages"
VALUES = {"run_id": "1", "card_id": "1", "dag_id": "d", "dag_run_id": "r", "name": "pages.css"}


@pytest.fixture(scope="module")
def plugin():
    from plugins import loyalty_pages

    return loyalty_pages


def test_every_route_is_closed_without_a_session(plugin):
    app = plugin.pages()
    with TestClient(app) as stranger:
        for route in app.routes:
            # Anything else than a route of FastAPI would not pass through the guard.
            assert isinstance(route, APIRoute), route
            path = re.sub(r"\{(\w+)[^}]*\}", lambda name: VALUES[name[1]], route.path)
            for method in route.methods:
                assert stranger.request(method, path).status_code == 401, (method, path)
    assert len(app.routes) >= 6


def test_route_added_later_is_closed_too(plugin):
    from fastapi import APIRouter

    from include.pages import overview

    def refuse():
        raise HTTPException(403, "Forbidden")

    later = APIRouter()
    later.add_api_route("/later", overview.show_overview)
    app = build_app(lambda: None, refuse)
    app.include_router(later)
    with TestClient(app) as stranger:
        assert stranger.get("/later").status_code == 403


def test_guard_is_asked_before_the_database():
    def refuse():
        raise HTTPException(403, "Forbidden")

    def find_engine():
        raise AssertionError("asked the database for somebody who may not read")

    with TestClient(build_app(find_engine, refuse)) as stranger:
        assert [stranger.get(path).status_code for path in ("/", "/runs/1", "/cards")] == [403] * 3


def test_broken_token_is_refused(plugin, monkeypatch):
    from airflow.api_fastapi.core_api import security
    from jwt import InvalidTokenError

    class Manager:
        async def get_user_from_token(self, token):
            raise InvalidTokenError(token)

    monkeypatch.setattr(security, "get_auth_manager", Manager)
    with TestClient(plugin.pages(), cookies={"_token": "x"}) as stranger:
        assert stranger.get("/").status_code == 403


def test_answers_forbid_inline_code_foreign_hosts_and_foreign_frames(site):
    for path in ("/", "/cards", "/static/pages.css", "/runs/1", "/nowhere"):
        headers = site.get(path).headers
        policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == "'self'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert headers["x-content-type-options"] == "nosniff"


def test_templates_hold_no_inline_code_or_style_and_name_no_host():
    for file in (PAGES / "templates").iterdir():
        text = file.read_text()
        assert not re.search(r"\son\w+=|\sstyle=|<style|<script>|javascript:|https?://", text), file
        assert "safe" not in re.findall(r"\|\s*(\w+)", text), file


def test_every_table_has_a_caption_and_scoped_headings():
    for file in (PAGES / "templates").iterdir():
        text = file.read_text()
        assert len(re.findall(r"<table>", text)) == text.count("<caption>"), file
        assert "<th>" not in text, file


def test_views_are_relative_and_reach_the_application(plugin):
    nav, tab = plugin.LoyaltyPagesPlugin.external_views
    assert nav["href"] == plugin.PREFIX.lstrip("/") + "/"
    assert tab["href"].startswith(nav["href"] + "dag-runs/{DAG_ID}/{RUN_ID}")
    assert (nav["destination"], tab["destination"]) == ("nav", "dag_run")


def test_plugin_is_loaded_without_building_the_application():
    import subprocess
    import sys

    program = (
        "import sys, plugins.loyalty_pages; "
        "sys.exit('fastapi' in sys.modules or 'include.pages.app' in sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", program], cwd=PAGES.parents[1], check=False)
    assert loaded.returncode == 0
