"""A person with a browser, on a real Airflow after three nights."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import ConsoleMessage, Frame, Page, expect, sync_playwright

from include.embedded import postgres
from tests.factories import insert
from tests.rows import rows
from tests.scheduler.embedded_airflow import DAG, EmbeddedAirflow, latest_run_instant
from tests.scheduler.members import cards_due, program_of_a_year

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed; nobody looked at the pages in a browser."
)
# Airflow's frame runs the scripts of its own site, which browsers remark upon.
REMARK = "An iframe which has both allow-scripts and allow-same-origin"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAirflow]:
    """Airflow after three nights, each of which expired two cards; one mail is ambiguous."""
    airflow = EmbeddedAirflow(tmp_path_factory.mktemp("browser") / "state", latest_run_instant())
    try:
        airflow.call("migrate")
        with airflow.loyalty.begin() as connection:
            program = program_of_a_year(connection, "Nights")
            for before in (3, 2, 1):
                cards = cards_due(connection, program, airflow.date(before), 2, f"due{before}")
            mail = {"template_code": "loyalty_reward_ready", "language": "en", "card_id": cards[0]}
            insert(connection, "email_logs", mail | {"occurrence_key": "r", "status": "ambiguous"})
        start_date = (airflow.last - timedelta(days=2)).date().isoformat()
        airflow.call("up", LOYALTY_START_DATE=start_date)
        for before in (2, 1, 0):
            airflow.wait_for_run(airflow.run_id(before))
        yield airflow
    finally:
        airflow.loyalty.dispose()
        airflow.metadata.dispose()
        airflow.call("down")
        postgres.remove(airflow.folder / "postgres")


@pytest.fixture
def page(airflow: EmbeddedAirflow) -> Iterator[Page]:
    """A browser that is logged in; an error in its console fails the test."""
    said = re.search(r"(http://\S+) +user (\S+), password (\S+)", airflow.call("url"))
    assert said
    address, user, password = said.groups()
    troubles: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(REMARK):
            troubles.append(message.text)

    with sync_playwright() as playwright:
        # Chromium's own sandbox is not to be had as root or in a container.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(base_url=address, viewport={"width": 1400, "height": 950})
        page.goto("/")
        page.fill("input[name=username]", user)
        page.fill("input[name=password]", password)
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Points expiration").first).to_be_visible(
            timeout=30_000
        )
        # Before the login Airflow's own page asks who one is, and is told.
        page.on("console", hear)
        yield page
        browser.close()
    assert troubles == []


def frame_of(page: Page) -> Frame:
    """Return the frame in which Airflow shows our page, once it is there."""
    shown = page.wait_for_selector("iframe")
    assert shown
    frame = shown.content_frame()
    assert frame
    frame.wait_for_selector("h1")
    return frame


def open_overview(page: Page) -> Frame:
    page.get_by_role("link", name="Points expiration").first.click()
    return frame_of(page)


def test_from_the_chart_to_a_run_to_a_card(airflow: EmbeddedAirflow, page: Page) -> None:
    frame = open_overview(page)
    asked = rows(
        airflow.loyalty,
        "select cards_expired, points_expired from loyalty.expiration_runs order by id",
    )
    frame.locator("svg").first.locator("a").nth(2).click()
    expect(frame.get_by_role("heading", level=1)).to_contain_text("standing for")
    expect(frame.get_by_text("The report equals the ledger.")).to_be_visible()
    figures = dict(
        zip(
            *(frame.locator(f"dl.figures {tag}").all_inner_texts() for tag in ("dt", "dd")),
            strict=True,
        )
    )
    assert (int(figures["Cards expired"]), int(figures["Points expired"])) == asked[2]
    assert asked[2][0] == 2
    frame.get_by_role("link", name="due1/1").click()
    expect(frame.get_by_role("heading", name="Why points expired")).to_be_visible()
    expect(frame.locator("article")).to_contain_text(f"Due on {airflow.date(1)}")


def test_a_run_is_proven_again_with_its_files_and_its_forecast(
    airflow: EmbeddedAirflow, page: Page
) -> None:
    frame = open_overview(page)
    frame.locator("svg").first.locator("a").nth(2).click()
    # The second night foresaw the two cards that the third one took.
    foretold = frame.locator("section[aria-labelledby=foretold] tr", has_text="Expired as forecast")
    expect(foretold.locator("td").first).to_have_text("2")
    frame.get_by_role("link", name="Prove it again").click()
    expect(frame.get_by_role("heading", level=1)).to_contain_text("Proof of run")
    expect(frame.get_by_text("took too long here")).to_have_count(0)
    expect(frame.locator("main .bad")).to_have_count(0)
    told = re.search(r"Proof of run (\d+)", frame.locator("h1").inner_text())
    assert told
    parts = [*(airflow.folder / "cohorts").glob(f"run={told[1]}/kind=*/part-*.csv")]
    assert len(parts) == 2
    for part in parts:
        sha256 = hashlib.sha256(part.read_bytes()).hexdigest()
        expect(frame.locator("td code", has_text=sha256)).to_be_visible()


def test_every_dag_run_has_a_tab_and_leads_back(airflow: EmbeddedAirflow, page: Page) -> None:
    frame = open_overview(page)
    frame.get_by_role("link", name=f"DAG run {airflow.run_id(1)}").click()
    page.wait_for_url(f"**/dags/{DAG}/runs/{airflow.run_id(1)}**")
    tab = page.locator(f"a[href*='/dags/{DAG}/runs/'][href*='/plugin/points-expiration-run']")
    tab.first.click()
    expect(frame_of(page).get_by_role("heading", level=1)).to_contain_text(str(airflow.date(1)))


def test_forecast_and_search_open(page: Page) -> None:
    frame = open_overview(page)
    frame.get_by_role("link", name="Forecast").click()
    expect(frame.get_by_role("heading", name="Forecast")).to_be_visible()
    frame.get_by_role("link", name="Cards", exact=True).click()
    frame.get_by_label("Card number or id").fill("due2/1")
    frame.get_by_role("button", name="Show").click()
    expect(frame.get_by_role("heading", level=1)).to_contain_text("Card due2/1")


def test_an_ambiguous_mail_is_closed_in_the_browser(airflow: EmbeddedAirflow, page: Page) -> None:
    frame = open_overview(page)
    frame.get_by_role("link", name="Mails that wait").click()
    frame.get_by_role("button", name=re.compile("Close mail")).click()
    expect(frame.get_by_role("status")).to_have_text("Settled.")
    asked = rows(
        airflow.loyalty, "select status from loyalty.email_logs where occurrence_key = 'r'"
    )
    assert asked == [("failed",)]


def test_pages_follow_airflows_theme(page: Page) -> None:
    grounds = set()
    for theme in ("light", "dark"):
        page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
        page.reload()
        frame = open_overview(page)
        grounds.add(frame.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == {"rgb(255, 255, 255)", "rgb(17, 17, 17)"}
