"""A platform whose cards fall due on every day around a given one, in several time zones."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from tests import factories

ONE_DAY = timedelta(days=1)
PROGRAMS = (
    {"points_expiration_days": 365, "warning_days": [30, 14, 3], "time_zone": "UTC"},
    {"points_expiration_days": 90, "warning_days": [14], "time_zone": "Pacific/Auckland"},
    {"points_expiration_days": 45, "min_notice_days": 5, "time_zone": "America/New_York"},
)
# How many days after `today` the points of a card are due.
DUE_IN_DAYS = range(-12, 21)


def enrol(engine: Engine, today: date) -> None:
    """Write three programs, each with one card for every day of `DUE_IN_DAYS`.

    Some customers have no address, and some came back two days after their points were due.
    """
    with engine.begin() as connection:
        for number, settings in enumerate(PROGRAMS):
            program = factories.program(connection, name=f"Program of zone {number}", **settings)
            for due_in in DUE_IN_DAYS:
                due_on = today + due_in * ONE_DAY
                active_on = due_on - timedelta(days=settings["points_expiration_days"])
                zone = ZoneInfo(settings["time_zone"])
                card = _card(connection, program, noon(active_on, zone), f"{number}/{due_in}")
                if due_in % 5 == 0 and due_in < -2:
                    factories.earn(connection, card, 5, noon(due_on + 2 * ONE_DAY, zone))


def program_of_a_year(connection: Connection, name: str, **settings: object) -> int:
    """Write a program in UTC whose points last 365 days, warned of 14 days ahead."""
    return factories.program(connection, name=name, **settings)


def cards_due(
    connection: Connection, program: int, due_on: date, count: int, name: str
) -> list[int]:
    """Write that many cards of a program of a year, named `name/1` and so on; return their ids."""
    active_at = noon(due_on - timedelta(days=365), ZoneInfo("UTC"))
    return [
        _card(connection, program, active_at, f"{name}/{number}") for number in range(1, count + 1)
    ]


def noon(day: date, zone: ZoneInfo) -> datetime:
    """Return that day's noon in a zone."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=zone)


def _card(connection: Connection, program: int, active_at: datetime, number: str) -> int:
    # Every tenth customer or so has no address.
    email = None if number.endswith("4") else f"{number.replace('/', '.')}@example.org"
    return factories.card(
        connection,
        program,
        points=100 + len(number),
        stamps=2,
        last_activity_at=active_at,
        customer_id=factories.customer(connection, email=email),
        card_number=number,
    )
