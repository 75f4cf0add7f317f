"""Who may see and who may change what; words and scripts of strangers do nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from include.pages.rendering import HERE
from include.pages.routes import VENDOR
from include.pages.security import COOKIE
from tests.day import run_day
from tests.factories import card, insert, merchant, program, store
from tests.pages.conftest import SITE, Visitor

PARAMETERS = re.compile(r"{[^}]*}")
HOSTILE = "<script>alert('1')</script>\"><img src=x onerror=alert(1)> 100%s %(x)s '; --"


def routes(app: FastAPI) -> list[tuple[str, str]]:
    found = [
        (method, PARAMETERS.sub("1", route.path))
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    ]
    # Nothing else answers: no mount, no schema, no documentation.
    assert all(isinstance(route, APIRoute) for route in app.routes)
    assert {("GET", "/"), ("POST", "/mails"), ("GET", "/outstanding")} <= set(found)
    return found


def ambiguous_mail(engine: Engine) -> int:
    row = {
        "template_code": "loyalty_reward_ready",
        "language": "en",
        "card_id": card(engine),
        "occurrence_key": "reward:1",
        "status": "ambiguous",
    }
    return insert(engine, "email_logs", row)


def status_of(engine: Engine, mail_id: int) -> str:
    with engine.connect() as connection:
        asked = connection.exec_driver_sql(
            "select status from loyalty.email_logs where id = %(id)s", {"id": mail_id}
        )
        return str(asked.scalar_one())


def settle(
    client: TestClient,
    mail_id: int,
    *,
    decision: str = "close",
    origin: str | None = SITE,
    token: str | None = None,
):
    client.cookies.set(COOKIE, "the-token")
    return client.post(
        "/mails",
        data={"mail_id": mail_id, "decision": decision, "form_token": token or "the-token"},
        headers={"origin": origin} if origin else {},
    )


def test_no_route_answers_without_a_session(
    app: FastAPI, client: TestClient, visitor: Visitor
) -> None:
    visitor.role = None
    for method, path in routes(app):
        assert client.request(method, path).status_code == 401, (method, path)


def test_every_writing_route_refuses_a_viewer(
    app: FastAPI, client: TestClient, visitor: Visitor
) -> None:
    visitor.role = "viewer"
    writing = [(method, path) for method, path in routes(app) if method != "GET"]
    assert ("POST", "/mails") in writing
    for method, path in writing:
        assert client.request(method, path).status_code == 403, (method, path)


def test_a_route_added_later_stands_behind_the_gate(
    app: FastAPI, client: TestClient, visitor: Visitor
) -> None:
    app.add_api_route("/later", lambda: "seen", methods=["GET", "DELETE"])
    visitor.role = "viewer"
    assert client.get("/later").status_code == 200
    assert client.delete("/later").status_code == 403
    visitor.role = None
    assert client.get("/later").status_code == 401


@pytest.mark.parametrize(("decision", "status"), [("close", "failed"), ("send", "queued")])
def test_an_editor_settles_a_mail_from_its_own_form(
    client: TestClient, engine: Engine, decision: str, status: str
) -> None:
    mail_id = ambiguous_mail(engine)
    settled = settle(client, mail_id, decision=decision)
    assert settled.headers["location"].endswith("/mails?settled=1")
    assert status_of(engine, mail_id) == status
    again = settle(client, mail_id, decision=decision)
    assert again.headers["location"].endswith("/mails?settled=0")


@pytest.mark.parametrize(
    ("origin", "token"),
    [
        ("https://elsewhere.example", None),
        ("null", None),
        (None, None),
        (SITE, "another"),
    ],
)
def test_a_form_from_elsewhere_settles_nothing(
    client: TestClient, engine: Engine, origin: str | None, token: str | None
) -> None:
    mail_id = ambiguous_mail(engine)
    assert settle(client, mail_id, origin=origin, token=token).status_code == 403
    assert status_of(engine, mail_id) == "ambiguous"


def test_a_viewer_settles_nothing(client: TestClient, engine: Engine, visitor: Visitor) -> None:
    mail_id = ambiguous_mail(engine)
    visitor.role = "viewer"
    assert settle(client, mail_id).status_code == 403
    assert status_of(engine, mail_id) == "ambiguous"


def test_a_viewer_is_shown_no_form_that_would_be_refused(
    client: TestClient, engine: Engine, visitor: Visitor
) -> None:
    ambiguous_mail(engine)
    corner = store(engine, merchant(engine))
    edit = f"/templates/edit?code=loyalty_enrollment&language=en&store={corner}"
    for role, forms in (("editor", 1), ("viewer", 0)):
        visitor.role = role
        for path in ("/mails", edit):
            assert client.get(path).text.count('method="post"') == forms, (role, path)


def test_answers_forbid_scripts_and_frames_from_elsewhere(
    client: TestClient, visitor: Visitor
) -> None:
    for role in ("viewer", None):
        visitor.role = role
        headers = client.get("/").headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_others_programs_are_those_whose_checksums_are_written_down(client: TestClient) -> None:
    notes = (HERE / "static" / "vendor" / "README.md").read_text(encoding="utf-8")
    named = dict(re.findall(r"^\| `(\S+)` \|.*`([0-9a-f]{64})` \|$", notes, re.MULTILINE))
    assert set(named) == set(VENDOR)
    for name, checksum in named.items():
        answer = client.get(f"/static/{name}")
        assert hashlib.sha256(answer.content).hexdigest() == checksum, name
        assert "immutable" in answer.headers["cache-control"]
        assert name in client.get("/static/charts.js").text
    for path in ("README.md", "vendor", "d3.LICENSE"):
        assert client.get(f"/static/{path}").status_code == 404


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
