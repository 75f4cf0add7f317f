"""The platform that the browser's Airflow runs three nights on, and what the pages are asked."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Frame, Page
from sqlalchemy import Connection, Engine

from tests.factories import insert, merchant, store
from tests.rows import rows
from tests.scheduler.embedded_airflow import EmbeddedAirflow
from tests.scheduler.members import cards_due, program_of_a_year

HELD_DAG = "loyalty_held_expirations"
# A card is held when the program's cohort is above this and above half of what is outstanding.
HELD_ABOVE_CARDS = 2
LONG_NAME = "Boucherie-Traiteur Nico Steffen-Wagener et fils, Esch-sur-Alzette, zone piétonne"


def enrol(airflow: EmbeddedAirflow, connection: Connection) -> None:
    """Two cards fall due each night; on the last night a second program's three are held.

    One mail is ambiguous, some cards are warned, some are due in the next weeks.
    """
    nights = program_of_a_year(connection, "Nights")
    for before in (3, 2, 1):
        cards = cards_due(connection, nights, airflow.date(before), 2, f"due{before}")
    for after in (5, 12, 40, 70):
        cards_due(connection, nights, airflow.date(-after), after // 4, f"later{after}")
    mail = {"template_code": "loyalty_reward_ready", "language": "en", "card_id": cards[0]}
    insert(connection, "email_logs", mail | {"occurrence_key": "r", "status": "ambiguous"})
    owner = merchant(connection, name=LONG_NAME)
    sudden = program_of_a_year(
        connection, "Sudden", merchant_id=owner, size_check_cards=HELD_ABOVE_CARDS
    )
    cards_due(connection, sudden, airflow.date(1), HELD_ABOVE_CARDS + 1, "sudden")
    store(connection, owner, name="Corner shop")


def frame_of(page: Page, frames: str = "iframe") -> Frame:
    """Return the frame in which Airflow shows our page, once it is there."""
    shown = page.wait_for_selector(frames)
    assert shown
    frame = shown.content_frame()
    assert frame
    frame.wait_for_selector("h1")
    return frame


def open_overview(page: Page) -> Frame:
    """Come by Airflow's navigation."""
    page.locator("a[href$='plugin/points-expiration']").click()
    return frame_of(page)


def figures(frame: Frame) -> dict[str, int]:
    """Return the figures at the head of a page by their names."""
    names, values = (frame.locator(f"dl.figures {tag}").all_inner_texts() for tag in ("dt", "dd"))
    told = zip(names, values, strict=True)
    return {name: int(value.replace(",", "")) for name, value in told if re.search(r"^\d", value)}


def one(engine: Engine, statement: str, **binds: Any) -> tuple[Any, ...]:
    """Return the only row that the database answers."""
    (row,) = rows(engine, statement, **binds)
    return row
