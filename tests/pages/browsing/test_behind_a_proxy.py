"""Airflow's own users, roles and sessions, on a server under a path as a proxy gives it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, expect

from include.pages.app import make_app
from include.pages.reading import BIGINT_MAX
from include.pages.security import COOKIE, FIELD, Access
from tests.pages.browsing.conftest import Troubles, log_in
from tests.pages.browsing.evening import frame_of, open_overview
from tests.pages.browsing.second_server import PASSWORD, PREFIX, SecondServer, second_server
from tests.rows import rows
from tests.scheduler.embedded_airflow import EmbeddedAirflow

# What a route may ask for; the others do not mind.
QUERY = {"code": "loyalty_welcome_bonus", "language": "en"}
# No mail has such a number.
FORM = {"mail_id": str(BIGINT_MAX), "decision": "close", FIELD: "the-token"}


@pytest.fixture(scope="module")
def server(
    airflow: EmbeddedAirflow, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecondServer]:
    with second_server(airflow, tmp_path_factory.mktemp("second")) as server:
        yield server


def routes(writing: bool) -> list[tuple[str, str]]:
    """Return method and path of every route of the pages, also of those added later."""
    app = make_app(Access(user=None, permit=None), lambda: None, prefix="/loyalty")  # type: ignore[arg-type, return-value]
    found = [
        (method, re.sub(r"{[^}]*}", "1", route.path))
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in route.methods
        if (method != "GET") is writing
    ]
    assert found
    return found


def visit(server: SecondServer, **session: Any) -> httpx.Client:
    base = f"{server.base}/loyalty"
    return httpx.Client(base_url=base, timeout=60, trust_env=False, **session)


def test_without_a_session_no_route_answers(server: SecondServer) -> None:
    with visit(server) as nobody, visit(server, cookies={"_token": "made.up.token"}) as stranger:
        for method, path in routes(writing=False) + routes(writing=True):
            for client in (nobody, stranger):
                assert client.request(method, path).status_code in (401, 403), (method, path)


@pytest.mark.parametrize("way", ["cookie", "header"])
def test_a_viewer_reads_everything_and_writes_nothing(server: SecondServer, way: str) -> None:
    token = server.session_of("vera")
    session: dict[str, Any] = (
        {"cookies": {"_token": token}}
        if way == "cookie"
        else {"headers": {"authorization": f"Bearer {token}"}}
    )
    with visit(server, **session) as viewer:
        for method, path in routes(writing=False):
            status = viewer.request(method, path, params=QUERY).status_code
            assert status in (200, 404), (path, status)
        assert viewer.get("/").status_code == 200
        assert (
            'method="post"' not in viewer.get("/templates/edit", params=QUERY | {"store": "1"}).text
        )
        viewer.cookies.set(COOKIE, "the-token")
        for method, path in routes(writing=True):
            answer = viewer.request(method, path, data=FORM, headers={"origin": server.address})
            assert answer.status_code == 403, path


def test_who_may_change_the_dag_writes(server: SecondServer) -> None:
    cookies = {"_token": server.session_of("ursula"), COOKIE: "the-token"}
    with visit(server, cookies=cookies) as editor:
        for method, path in routes(writing=True):
            own = editor.request(method, path, data=FORM, headers={"origin": server.address})
            assert own.status_code in (303, 422), path
            elsewhere = editor.request(method, path, data=FORM, headers={"origin": "http://a.b"})
            assert elsewhere.status_code == 403, path


def test_pages_work_under_the_path_of_a_proxy(
    airflow: EmbeddedAirflow, server: SecondServer, browser: Browser
) -> None:
    troubles = Troubles(urlsplit(server.address).netloc, PREFIX)
    with browser.new_context(base_url=server.address) as context:
        page = context.new_page()
        log_in(page, f"{PREFIX}/", "ursula", PASSWORD)
        troubles.listen(page)
        page.reload()
        icon = page.locator("a[href$='plugin/points-expiration'] img")
        expect(icon).to_have_js_property("complete", True)
        assert icon.evaluate("image => image.naturalWidth") > 0
        frame = open_overview(page)
        frame.locator(".chart a").last.click()
        expect(frame.get_by_text("The report equals the ledger.")).to_be_visible()
        # Airflow keeps the address of the page in its frame; whoever opens it again comes back.
        page.wait_for_url(f"**{PREFIX}/plugin/points-expiration{PREFIX}/loyalty/runs/*")
        page.reload()
        frame = frame_of(page)
        expect(frame.get_by_text("The report equals the ledger.")).to_be_visible()
        frame.get_by_role("link", name="DAG run in Airflow").click()
        page.wait_for_url(f"**{PREFIX}/dags/*/runs/**")
        page.locator("a[href*='/plugin/points-expiration-run']").first.click()
        frame = frame_of(page)
        expect(frame.get_by_text("The report equals the ledger.")).to_be_visible()
        frame.get_by_role("link", name="Cards", exact=True).click()
        frame.get_by_label("Card number or id").fill("due3/1")
        frame.get_by_role("button", name="Show").click()
        expect(frame.get_by_role("heading", level=1)).to_contain_text("Card due3/1")
        frame.goto(
            f"{server.base}/loyalty/templates/edit?code=loyalty_enrollment&language=fr&store=1"
        )
        frame.get_by_label("Subject").fill("Bonjour de {{ merchant_name }}")
        frame.get_by_role("button", name="Check and store").click()
        expect(frame.get_by_role("status")).to_contain_text("Stored.")
        expect(frame.frame_locator("iframe").first.locator("body")).to_contain_text("Sudden")
        paths = {cookie["name"]: cookie["path"] for cookie in context.cookies()}
    assert paths[COOKIE] == f"{PREFIX}/loyalty"
    stored = "select subject from loyalty.store_email_templates where language = 'fr'"
    assert rows(airflow.loyalty, stored) == [("Bonjour de {{ merchant_name }}",)]
    assert troubles.heard == []
