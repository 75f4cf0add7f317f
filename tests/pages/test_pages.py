"""What the pages say is what the database says."""

from __future__ import annotations

import re
from html import unescape

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import create_engine

from include import decisions
from include.pages.app import build_app
from include.pages.drawing import NONE
from tests import factories
from tests.day import run_day
from tests.pages.story import FIRST_DAY, HOSTILE, HOSTILE_ESCAPED
from tests.rows import execute, fingerprint, rows


def page(site, path, status=200):
    answer = site.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def cells(text, caption):
    """The body rows of the table with that caption, as the words of their cells."""
    (table,) = (
        found for found in re.findall(r"<table>.*?</table>", text, re.DOTALL)
        if caption in found.split("</caption>")[0]
    )  # fmt: skip
    body = table.partition("<tbody>")[2]
    return [
        [
            " ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split())
            for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        ]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    ]


def test_overview_of_a_database_without_runs_says_so(site):
    assert "No run yet" in page(site, "/")


def test_overview_lists_the_figures_of_the_runs(site, engine, story):
    listed = {row[0]: row[4:10] for row in cells(page(site, "/"), "The last 2 runs")}
    # Cards and points warned, cards and points expired, skipped, held.
    assert listed[str(story.first_run)] == ["1", "70", "1", "40", "3", "3"]
    assert listed[str(story.next_run)] == ["0", "0", "0", "0", "3", "3"]
    statement = """
        select sum(warnings.points) from loyalty.expiration_warnings as warnings
        where run_id = %(run_id)s
    """
    assert rows(engine, statement, run_id=story.first_run) == [(70,)]


def test_overview_counts_mails_by_status(site, engine, story):
    execute(
        engine,
        "update loyalty.email_logs set status = 'sent' where card_id = %(card_id)s",
        card_id=story.warned_card,
    )
    mails = {row[0]: row[10] for row in cells(page(site, "/"), "The last 2 runs")}
    assert mails == {str(story.first_run): "1 queued 1 sent", str(story.next_run): NONE}


def test_days_show_what_happened_and_which_day_was_missed(site, story):
    days = cells(page(site, "/"), "by the UTC date")
    assert len(days) == 90
    assert [row[:2] for row in days[:4]] == [
        ["2026-03-04", str(story.next_run)],
        ["2026-03-03", "missed"],
        ["2026-03-02", str(story.first_run)],
        ["2026-03-01", NONE],
    ]
    assert days[2][2:] == ["1", "70", "1", "40"]


def test_repeated_day_links_to_the_run_that_did_something(site, engine, story):
    again = run_day(engine, FIRST_DAY)
    days = cells(page(site, "/"), "by the UTC date")
    assert days[2][:2] == ["2026-03-02", str(story.first_run)]
    assert again > story.first_run


def test_chart_links_a_day_to_its_run_and_shows_the_gap(site, story):
    text = page(site, "/")
    assert text.count("<svg") == 2
    assert "<title>2026-03-02: 40 points</title>" in text
    assert f'<a href="./runs/{story.first_run}"' in text
    assert text.count("<title>2026-03-03: no run</title>") == 2
    assert "1 day missed" in text


def test_troubles_are_named_with_what_to_do(site, engine, story):
    execute(
        engine,
        "update loyalty.loyalty_programs set points_expiration_days = 36 where id = %(id)s",
        id=story.held_program,
    )
    troubles = [row[1:4] for row in cells(page(site, "/"), "to look at")]
    assert troubles == [
        ["Held by the size check", "3 cards", str(story.next_run)],
        # Queued on 2 March, and it is 4 March.
        ["Mails fail or wait", "2 mails", NONE],
        ["Settings changed", "days 365 → 36", str(story.first_run)],
        ["Cards without an activity date", "1 card", str(story.next_run)],
    ]


def test_decided_program_needs_no_more_attention(site, engine, story):
    plan = decisions.HeldPlan(story.next_run, story.held_program)
    run_id = decisions.open_held_run(engine, dag_id="held", dag_run_id="held", plan=plan)
    decisions.decide(engine, run_id, "expiry", "approved", "nora")
    assert "Held by the size check" not in page(site, "/")
    assert cells(page(site, f"/runs/{story.next_run}"), "What a person decided")[0] == [
        str(run_id), str(story.held_program), "approved", "nora",
    ]  # fmt: skip


def test_failed_mails_need_attention_and_sent_ones_do_not(site, engine, story):
    execute(engine, "update loyalty.email_logs set status = 'sent'")
    assert "Mails fail or wait" not in page(site, "/")
    execute(engine, "update loyalty.email_logs set status = 'failed'")
    assert ["Mails fail or wait", "2 mails"] in [
        row[1:3] for row in cells(page(site, "/"), "to look at")
    ]


def test_run_page_lists_programs_skips_and_mails(site, story):
    text = page(site, f"/runs/{story.first_run}")
    programs = cells(text, "Programs")
    assert [row[6:9] for row in programs] == [
        ["1 / 1", "1 / 1", "40 / 40"],
        ["0 / 0", "0 / 3", "0 / 60"],
    ]
    assert programs[1][9] == "held limit 2 cards; no history"
    assert cells(text, "Skipped cards") == [["expiry", "held", "3", "60"]]
    assert cells(text, "Mails") == [
        ["loyalty_points_expired", "queued", "1"],
        ["loyalty_points_expiring", "queued", "1"],
    ]


def test_run_page_shows_files_with_their_checksum(site, engine, story):
    execute(
        engine,
        """
        insert into loyalty.cohort_exports values
        (%(run_id)s, 'expiry', 'run=1/manifest.json', 'c0ffee', 1, 1, 40, '2026-03-02T02:01:00Z')
        """,
        run_id=story.first_run,
    )
    assert cells(page(site, f"/runs/{story.first_run}"), "Cohort files") == [
        ["expiry", "1", "1", "40", "2026-03-02 02:01", "run=1/manifest.json c0ffee"]
    ]


def test_dag_run_shows_its_latest_attempt(site, engine, at, story):
    again = run_day(engine, FIRST_DAY)
    text = page(site, f"/dag-runs/loyalty_points_expiration/scheduled__{FIRST_DAY}")
    assert f"Run {again} " in text
    assert f'href="../../runs/{story.first_run}"' in text


def test_dag_run_of_another_dag_says_that_nothing_belongs_to_it(site, story):
    text = page(site, "/dag-runs/other/scheduled__1")
    assert "has opened no expiration run" in text


def test_card_page_tells_why_the_points_went(site, story):
    text = page(site, f"/cards/{story.expired_card}")
    assert "the balance is 0" in text
    (expired,) = cells(text, "Expired cycles")
    assert expired[1:] == [
        "40",
        "2025-03-01 12:00 points earned, ledger row 2",
        "365 days, UTC , warnings 14, notice 0 days",
        "2026-03-01",
        "2026-03-01",
        "0 warnings",
        f"{story.first_run} , daily, of 2026-03-02",
        NONE,
    ]
    assert [row[1:4] for row in cells(text, "Ledger")] == [
        ["points expired", "-40", "0"],
        ["points earned", "+40", "40"],
        ["card created", "0", "0"],
    ]


def test_card_page_tells_when_the_points_will_go_and_what_was_mailed(site, story):
    text = page(site, f"/cards/{story.warned_card}")
    assert "can be used until 2026-03-10" in text
    (mail,) = cells(text, "Mails")
    assert mail[1:4] == ["loyalty_points_expiring", "en", "queued"]
    assert mail[5] == "14"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ("merchants set is_active = false", "the merchant is inactive"),
        ("loyalty_programs set is_active = false", "the program is inactive"),
        ("loyalty_cards set is_active = false", "the card is inactive"),
        ("loyalty_programs set points_expiration_days = null", "never do"),
        ("loyalty_programs set time_zone = 'Mars/Base'", "time zone"),
        ("loyalty_cards set last_activity_at = null", "no activity date"),
        ("loyalty_programs set min_notice_days = 7", "7 days have passed since"),
        ("loyalty_programs set points_expiration_days = 30", "the next run takes them"),
    ],
)
def test_card_page_names_the_rule_that_holds(site, engine, story, changes, sentence):
    execute(engine, f"update loyalty.{changes}")
    assert sentence in page(site, f"/cards/{story.warned_card}")


def test_points_that_came_back_to_an_expired_cycle_stay(site, engine, story):
    factories.adjust(engine, story.expired_card, 7, "2026-03-03T12:00:00+00:00")
    assert "has expired once" in page(site, f"/cards/{story.expired_card}")


def test_held_card_tells_why_it_was_left(site, engine, story):
    statement = "select min(id) from loyalty.loyalty_cards where program_id = %(id)s"
    card_id = rows(engine, statement, id=story.held_program)[0][0]
    assert [row[1:] for row in cells(page(site, f"/cards/{card_id}"), "Planned, but left")] == [
        [str(story.next_run), "expiry", "held"],
        [str(story.first_run), "expiry", "held"],
    ]


def test_card_is_found_by_number_and_by_id(site, story):
    for words in ("A%251", str(story.expired_card), f"%20{story.expired_card}%20"):
        answer = site.get(f"/cards?q={words}", follow_redirects=False)
        assert answer.headers["location"] == f"./cards/{story.expired_card}"


def test_number_of_one_card_that_is_another_ones_id_lists_both(site, engine, story):
    other = factories.card(engine, card_number=str(story.expired_card))
    found = cells(page(site, f"/cards?q={story.expired_card}"), "Cards with the number")
    assert [row[0] for row in found] == [str(story.expired_card), str(other)]


@pytest.mark.parametrize(
    "words", ["%25", "' or 1=1 --", "9" * 40, "²", "%00", "\\", "<script>x</script>", "-1", ""]
)
def test_senseless_search_finds_nothing_and_changes_nothing(site, engine, story, words):
    before = fingerprint(engine)
    text = page(site, f"/cards?q={words}")
    assert "<tbody>" not in text
    assert "<script>x" not in text
    assert fingerprint(engine) == before


def test_hostile_names_stay_text_on_every_page(site, engine, story):
    execute(engine, "update loyalty.loyalty_cards set card_number = %(text)s", text=HOSTILE)
    execute(engine, "update loyalty.email_logs set error_message = %(text)s", text=HOSTILE)
    execute(engine, "update loyalty.expiration_runs set dag_run_id = %(text)s || id", text=HOSTILE)
    for path in (
        "/", f"/runs/{story.first_run}", f"/cards/{story.warned_card}", "/cards?q=" + HOSTILE[:20],
        f"/cards/{story.expired_card}",
    ):  # fmt: skip
        text = page(site, path)
        assert "<script>alert" not in text
        if "?" not in path:
            assert HOSTILE_ESCAPED in text


def test_no_name_or_address_of_a_customer_is_shown(site, story):
    for path in ("/", f"/runs/{story.first_run}", f"/cards/{story.warned_card}"):
        text = page(site, path)
        assert "Camille" not in text
        assert "@example.org" not in text


@pytest.mark.parametrize("path", ["/runs/999", "/cards/999", "/dag-runs/a/b/c", "/static/app.py"])
def test_what_is_not_there_is_missing(site, path):
    page(site, path, 404)


@pytest.mark.parametrize("path", ["/runs/0", "/runs/x", f"/cards/{2**63}", "/cards/-1"])
def test_senseless_number_is_refused(site, path):
    page(site, path, 422)


def test_pages_link_only_relative_so_that_any_prefix_works(site, story):
    for path in ("/", f"/runs/{story.first_run}", f"/cards/{story.warned_card}"):
        addresses = re.findall(r'(?:href|src|action)="([^"]*)"', page(site, path))
        assert addresses
        assert all(re.match(r"\.|#", address) for address in addresses), addresses


def test_links_reach_their_pages_behind_a_prefix(engine, story):
    behind = FastAPI(root_path="/airflow")
    behind.mount("/loyalty", build_app(lambda: engine, lambda: None))
    with TestClient(behind, base_url="http://here/airflow/") as client:
        for path in ("loyalty/", f"loyalty/runs/{story.first_run}", "loyalty/dag-runs/a/b"):
            answer = client.get(path)
            assert answer.status_code == 200
            for address in re.findall(r'(?:href|src)="(\.[^"]*)"', answer.text):
                found = answer.url.join(address)
                if found.path.startswith("/airflow/dags/"):
                    continue
                assert found.path.startswith("/airflow/loyalty/"), (path, address)
                assert client.get(str(found)).status_code == 200, (path, address)


def test_unreachable_database_is_said_without_its_address(story):
    nowhere = create_engine("postgresql+psycopg2://secret:secret@127.0.0.1:1/secret")
    with TestClient(build_app(lambda: nowhere, lambda: None)) as client:
        text = page(client, "/", 503)
    assert "could not be asked" in text
    assert "secret" not in text
