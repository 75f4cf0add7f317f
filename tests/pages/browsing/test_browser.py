"""A person with a browser, on a real Airflow after three nights."""

from __future__ import annotations

import hashlib
import re

from playwright.sync_api import Frame, Page, expect

from tests.pages.browsing.conftest import Troubles
from tests.pages.browsing.evening import (
    HELD_DAG,
    LONG_NAME,
    figures,
    frame_of,
    one,
    open_overview,
)
from tests.rows import rows
from tests.scheduler.embedded_airflow import DAG, EmbeddedAirflow

LINKS = "nav[aria-label='Points expiration'] a"
OUTSTANDING = "select sum(points_balance)::bigint from loyalty.loyalty_cards"
FORETOLD = """
    select coalesce(sum(points), 0)::bigint, count(*) from loyalty.expiration_forecast
    where expires_on <= current_date + 90 and program_id = coalesce(%(program_id)s, program_id)
"""


def go_to(frame: Frame, name: str) -> None:
    frame.locator(LINKS, has_text=name).click()
    expect(frame.locator(f"{LINKS}[aria-current=page]")).to_have_text(name)


def cells(frame: Frame, section: str, row: str) -> list[str]:
    """Return the cells of the first row of a section that names `row`."""
    rows_named = frame.locator(f"section[aria-labelledby={section}] tr", has_text=row)
    return rows_named.first.locator("td").all_inner_texts()


def test_from_the_chart_to_a_run_to_a_card(airflow: EmbeddedAirflow, page: Page) -> None:
    frame = open_overview(page)
    expect(frame.locator(".chart svg")).to_have_count(2)
    asked = rows(
        airflow.loyalty,
        """
        select cards_expired, points_expired from loyalty.expiration_runs
        where run_type = 'daily' order by id
        """,
    )
    told = [f"{airflow.date(before)}: {asked[2 - before][1]} points" for before in (2, 1, 0)]
    links = frame.locator(".chart").first.locator("a")
    assert [link.get_attribute("aria-label") for link in links.all()] == told
    links.last.click()
    expect(frame.get_by_role("heading", level=1)).to_contain_text("standing for")
    expect(frame.get_by_text("The report equals the ledger.")).to_be_visible()
    shown = figures(frame)
    assert (shown["Cards expired"], shown["Points expired"]) == asked[2]
    assert asked[2][0] == 2
    frame.get_by_role("link", name="due1/1").click()
    expect(frame.get_by_role("heading", name="Why points expired")).to_be_visible()
    expect(frame.locator("article")).to_contain_text(f"Due on {airflow.date(1)}")


def test_a_run_is_proven_again_with_its_files_and_its_forecast(
    airflow: EmbeddedAirflow, page: Page
) -> None:
    frame = open_overview(page)
    frame.locator(".chart").first.locator("a").last.click()
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


def test_overview_lists_every_run_with_its_figures(airflow: EmbeddedAirflow, page: Page) -> None:
    frame = open_overview(page)
    asked = rows(
        airflow.loyalty,
        """
        select runs.warning_cards_queued,
            (select coalesce(sum(points), 0) from loyalty.expiration_warnings
                where run_id = runs.id),
            runs.cards_expired, runs.points_expired,
            sum(programs.expiry_cards_planned) filter (where size_check = 'held'),
            sum(programs.expiry_points_planned) filter (where size_check = 'held')
        from loyalty.expiration_runs as runs
        join loyalty.expiration_run_programs as programs on runs.id = programs.run_id
        group by runs.id order by runs.id desc
        """,
    )
    listed = frame.locator("section[aria-labelledby=runs] tbody tr")
    shown = [run.locator("td.n").all_inner_texts()[:6] for run in listed.all()]
    assert [tuple(map(int, told)) for told in shown] == [
        tuple(int(figure or 0) for figure in run) for run in asked
    ]


def test_a_bar_is_reached_and_opened_by_the_keyboard(airflow: EmbeddedAirflow, page: Page) -> None:
    frame = open_overview(page)
    frame.locator(".chart svg").first.wait_for()
    frame.locator(LINKS).last.focus()
    for _ in range(10):
        page.keyboard.press("Tab")
        if frame.locator(".chart a:focus").count():
            break
    # One stop, the latest night; the nights before it are an arrow key away.
    focused = frame.locator(".chart a:focus")
    expect(focused).to_have_attribute("aria-label", re.compile(str(airflow.date(0))))
    page.keyboard.press("ArrowLeft")
    expect(focused).to_have_attribute("aria-label", re.compile(str(airflow.date(1))))
    expect(frame.locator("[data-readout]").first).to_contain_text(f"{airflow.date(1)}: ")
    page.keyboard.press("Enter")
    expect(frame.get_by_role("heading", level=1)).to_contain_text(f"for {airflow.date(1)}")


def test_every_dag_run_has_a_tab_and_leads_back(airflow: EmbeddedAirflow, page: Page) -> None:
    frame = open_overview(page)
    frame.get_by_role("link", name=f"DAG run {airflow.run_id(1)}").click()
    page.wait_for_url(f"**/dags/{DAG}/runs/{airflow.run_id(1)}**")
    tab = page.locator(f"a[href*='/dags/{DAG}/runs/'][href*='/plugin/points-expiration-run']")
    expect(tab.first).to_have_accessible_name("Points expiration", timeout=30_000)
    tab.first.click()
    frame = frame_of(page)
    expect(frame.get_by_role("heading", level=1)).to_contain_text(str(airflow.date(1)))
    asked = one(
        airflow.loyalty,
        """
        select cards_expired, points_expired from loyalty.expiration_runs
        where dag_run_id = %(id)s
        """,
        id=airflow.run_id(1),
    )
    assert (figures(frame)["Cards expired"], figures(frame)["Points expired"]) == asked


def test_forecast_and_outstanding_points_are_the_databases(
    airflow: EmbeddedAirflow, page: Page
) -> None:
    frame = open_overview(page)
    go_to(frame, "Forecast")
    shown = figures(frame)
    asked = one(airflow.loyalty, FORETOLD, program_id=None)
    assert (shown["Points in 90 days"], shown["Cards in 90 days"]) == asked
    expect(frame.locator(".chart svg")).to_have_count(1)
    frame.get_by_role("link", name="Nights").click()
    expect(frame.get_by_role("heading", level=1)).to_have_text("Forecast for Nights")
    shown = figures(frame)
    asked = one(airflow.loyalty, FORETOLD, program_id=1)
    assert (shown["Points in 90 days"], shown["Cards in 90 days"]) == asked
    go_to(frame, "Outstanding points")
    assert (figures(frame)["Outstanding points"],) == one(airflow.loyalty, OUTSTANDING)


def test_a_card_is_found_by_its_number(airflow: EmbeddedAirflow, page: Page) -> None:
    frame = open_overview(page)
    go_to(frame, "Cards")
    frame.get_by_label("Card number or id").fill("no such card")
    frame.get_by_role("button", name="Show").click()
    expect(frame.get_by_text("No card has the number")).to_be_visible()
    frame.get_by_label("Card number or id").fill("due2/1")
    frame.get_by_role("button", name="Show").click()
    expect(frame.get_by_role("heading", level=1)).to_contain_text("Card due2/1")
    (points,) = one(
        airflow.loyalty,
        """
        select points from loyalty.expirations
        join loyalty.loyalty_cards on card_id = loyalty_cards.id where card_number = 'due2/1'
        """,
    )
    expect(frame.locator("article h3")).to_contain_text(f"{points} points, booked ")
    assert cells(frame, "ledger", "points expired")[1:] == [
        "points expired",
        f"-{points}",
        "0",
        "0",
    ]


def test_every_mail_has_its_preview_at_both_widths(page: Page) -> None:
    frame = open_overview(page)
    go_to(frame, "Templates")
    previews = frame.locator("iframe[sandbox='']")
    expect(previews).to_have_count(20)  # five mails in four languages
    shown = frame.frame_locator("iframe[title='reward ready (fr)']")
    expect(shown.locator("body")).to_contain_text("carte")
    frame.get_by_role("link", name="Open reward ready (fr)").click()
    expect(frame.frame_locator("iframe[title='On a phone']").locator("body")).to_contain_text(
        "carte"
    )
    widths = [
        frame.locator(f"iframe[title='{name}']").evaluate("frame => frame.clientWidth")
        for name in ("On a phone", "On a desktop")
    ]
    assert widths[0] < 400
    assert widths[1] > 640


def test_a_bad_override_is_refused_and_a_good_one_is_sent(
    airflow: EmbeddedAirflow, page: Page, troubles: Troubles
) -> None:
    stored = """
        select store_id, subject, body_text from loyalty.store_email_templates where language = 'en'
    """
    frame = open_overview(page)
    go_to(frame, "Templates")
    frame.get_by_label("Store id").fill("1")
    frame.get_by_role("button", name="Show").click()
    expect(frame.get_by_text(f"As Corner shop ({LONG_NAME}) sends them.")).to_be_visible()
    frame.get_by_role("link", name="Open welcome bonus (en)").click()
    frame.get_by_label("Subject").fill("Hello {{ password }}")
    words = "My own words, {{ customer_first_name }}."
    frame.get_by_label("Text").fill(words)
    frame.get_by_role("button", name="Check and store").click()
    expect(frame.get_by_role("alert")).to_contain_text("Nothing was stored: ")
    expect(frame.get_by_role("alert")).to_contain_text("password")
    assert rows(airflow.loyalty, stored) == []
    assert troubles.heard == ["422: /loyalty/templates"]
    troubles.heard.clear()
    expect(frame.get_by_label("Text")).to_have_value(words)
    frame.get_by_label("Subject").fill("{{ points }} points from the corner")
    frame.get_by_label("HTML").fill(
        "<p>{{ customer_first_name }}, <b>{{ points }}</b> new points</p>"
    )
    frame.get_by_role("button", name="Check and store").click()
    expect(frame.get_by_role("status")).to_contain_text("Stored.")
    assert rows(airflow.loyalty, stored) == [(1, "{{ points }} points from the corner", words)]
    for name in ("On a phone", "On a desktop"):
        shown = frame.frame_locator(f"iframe[title='{name}']").locator("body")
        expect(shown).to_contain_text("new points")


def test_an_ambiguous_mail_is_closed_in_the_browser(airflow: EmbeddedAirflow, page: Page) -> None:
    frame = open_overview(page)
    go_to(frame, "Mails that wait")
    waiting = "select count(*) from loyalty.email_logs where status = 'ambiguous'"
    buttons = frame.get_by_role("button", name=re.compile("Close mail"))
    assert (buttons.count(),) == one(airflow.loyalty, waiting) == (1,)
    buttons.click()
    expect(frame.get_by_role("status")).to_have_text("Settled.")
    expect(frame.get_by_text("No mail waits.")).to_be_visible()
    asked = "select status from loyalty.email_logs where occurrence_key = 'r'"
    assert one(airflow.loyalty, asked) == ("failed",)


def test_a_held_program_is_approved_in_airflow(airflow: EmbeddedAirflow, page: Page) -> None:
    balances = """
        select sum(points_balance)::bigint from loyalty.loyalty_cards
        where card_number like 'sudden%%'
    """
    (before,) = one(airflow.loyalty, balances)
    frame = open_overview(page)
    assert cells(frame, "attention", "Held by the size check")[:2] == [
        "Held by the size check",
        "3",
    ]
    dag_run_id = airflow.latest_run_id(HELD_DAG)
    airflow.wait_until("the question", lambda: airflow.asks(dag_run_id))
    page.goto("/required_actions")
    page.get_by_role("link", name=f"Expire {before} points of 3 cards in program 2?").click()
    page.get_by_role("button", name="Approve").click()
    airflow.wait_for_run(dag_run_id, dag_id=HELD_DAG)
    assert one(airflow.loyalty, balances) == (0,)
    run_id, decision, decided_by = one(
        airflow.loyalty,
        """
        select id, decision, decided_by from loyalty.expiration_runs
        where run_type = 'held' and points_expired = %(points)s
        """,
        points=before,
    )
    assert (decision, decided_by) == ("approved", "admin")
    frame = open_overview(page)
    expect(frame.get_by_text("Held by the size check")).to_have_count(0)
    frame.locator(f"a[href$='/runs/{run_id}']").first.click()
    expect(frame.locator("main > p").first).to_contain_text("approved by admin")
    assert figures(frame)["Points expired"] == before
    frame.get_by_role("link", name="sudden/1").click()
    expect(frame.locator("article")).to_contain_text("approved by admin")
