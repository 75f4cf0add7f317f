"""A real Airflow after three nights, started once for all that is looked at in a browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from include.embedded import postgres
from tests.pages.browsing.evening import enrol
from tests.scheduler.embedded_airflow import EmbeddedAirflow, latest_run_instant

# Airflow's frame runs the scripts of its own site, which browsers remark upon.
REMARK = "An iframe which has both allow-scripts and allow-same-origin"
SETTINGS = {
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    # No file of a DAG changes.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
}


@pytest.fixture(scope="package")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAirflow]:
    """Airflow after three nights, each of which expired two cards; one plan is held."""
    airflow = EmbeddedAirflow(tmp_path_factory.mktemp("browser") / "state", latest_run_instant())
    try:
        airflow.call("migrate")
        with airflow.loyalty.begin() as connection:
            enrol(airflow, connection)
        start_date = (airflow.last - timedelta(days=2)).date().isoformat()
        airflow.call("up", LOYALTY_START_DATE=start_date, **SETTINGS)
        for before in (2, 1, 0):
            airflow.wait_for_run(airflow.run_id(before))
        yield airflow
    finally:
        airflow.loyalty.dispose()
        airflow.metadata.dispose()
        airflow.call("down")
        postgres.remove(airflow.folder / "postgres")


@dataclass
class Troubles:
    """What a browser complained of, and what it asked of others than `host` under `prefix`."""

    host: str
    prefix: str = ""
    heard: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.heard.append(str(error)))
        page.on("request", self._see_request)
        page.on("requestfailed", self._see_failure)
        page.on("response", self._see_answer)

    def _hear(self, message: ConsoleMessage) -> None:
        # A refused request is noted by its answer already.
        refused = message.text.startswith("Failed to load resource")
        remarked = message.text.startswith(REMARK)
        if message.type in ("error", "warning") and not (remarked or refused):
            self.heard.append(message.text)

    def _see_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        is_ours = parts.netloc == self.host and parts.path.startswith(f"{self.prefix}/")
        if parts.scheme in ("http", "https", "ws", "wss") and not is_ours:
            self.heard.append(f"asked elsewhere: {request.url}")

    def _see_failure(self, request: Request) -> None:
        # A page that is left stops asking.
        if request.failure != "net::ERR_ABORTED":
            self.heard.append(f"{request.failure}: {request.url}")

    def _see_answer(self, answer: Response) -> None:
        if answer.status >= 400:
            self.heard.append(f"{answer.status}: {urlsplit(answer.url).path}")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed; nobody looked at the pages in a browser.")
    # On a busy machine Airflow's own pages take longer than the library's five seconds.
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        # Chromium's own sandbox is not to be had as root or in a container.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def context(airflow: EmbeddedAirflow, browser: Browser) -> Iterator[BrowserContext]:
    """A browser that is logged in as the administrator whom `make url` names."""
    said = re.search(r"(http://\S+) +user (\S+), password (\S+)", airflow.call("url"))
    assert said
    address, user, password = said.groups()
    with browser.new_context(base_url=address, viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        log_in(page, "/", user, password)
        page.close()
        yield context


def log_in(page: Page, path: str, user: str, password: str) -> None:
    """Log in by Airflow's own form; `path` is where Airflow is."""
    page.goto(path)
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", password)
    page.keyboard.press("Enter")
    expect(page.locator("a[href$='plugin/points-expiration']")).to_be_visible(timeout=30_000)


@pytest.fixture
def troubles(airflow: EmbeddedAirflow) -> Iterator[Troubles]:
    """What goes wrong in the browser meanwhile; the test fails if anything is left in it."""
    troubles = Troubles(urlsplit(airflow.address).netloc)
    yield troubles
    assert troubles.heard == []


@pytest.fixture
def page(context: BrowserContext, troubles: Troubles) -> Iterator[Page]:
    page = context.new_page()
    troubles.listen(page)
    page.goto("/")
    yield page
    page.close()
