"""Small populations drawn from a seed: the same seed writes the same rows into any database."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from tests import factories

AS_OF = datetime(2026, 7, 2, 2, tzinfo=UTC)
TODAY = AS_OF.date()
ZONES = ("UTC", "Europe/Luxembourg", "America/New_York", "Pacific/Kiritimati")
# How many days from the date of AS_OF the points of a card are due: over, today, soon, later.
DUE_IN_DAYS = (-1, 14, -2, 3, -30, 7, 0, 1, 13, 15, 200, -400)

LATECOMERS = 3


@dataclass(frozen=True)
class Latecomers:
    """A merchant whose cards all expire the day before; some of them were used in time."""

    merchant_id: int
    used: list[tuple[int, datetime]]

    def post(self, engine: Engine) -> None:
        """Post, after that day's run, what was earned before the points were due."""
        for card_id, earned_at in self.used:
            factories.earn(engine, card_id, 30, earned_at)


def populate(engine: Engine, seed: int, *, cards: int) -> Latecomers:
    """Write two programs of two merchants and their cards, due around AS_OF, and the latecomers."""
    draw = random.Random(seed)
    with engine.begin() as connection:
        programs = [_program(connection, draw, notice) for notice in (0, draw.choice((0, 5)))]
        for number in range(cards):
            # The first cards cover the kinds; the rest are drawn.
            due_in = DUE_IN_DAYS[number] if number < 6 else draw.choice(DUE_IN_DAYS)
            _card(connection, draw, number, draw.choice(programs[: 1 if number < 2 else 2]), due_in)
        return _latecomers(connection, draw)


def _latecomers(connection: Connection, draw: random.Random) -> Latecomers:
    merchant_id = factories.merchant(connection)
    program_id, days, zone = _program(connection, draw, 0, merchant_id=merchant_id)
    used = []
    for number in range(LATECOMERS):
        due_in = -2 - draw.randrange(20)
        card_id = _card(connection, draw, 100 + number, (program_id, days, zone), due_in)
        if number > 0:  # the first one really stayed away
            used.append((card_id, _noon(TODAY + timedelta(days=due_in - draw.randrange(20)), zone)))
    return Latecomers(merchant_id, used)


def _program(
    connection: Connection, draw: random.Random, notice: int, *, merchant_id: int | None = None
) -> tuple[int, int, str]:
    days, zone = draw.choice((30, 180, 365)), draw.choice(ZONES)
    program_id = factories.program(
        connection,
        merchant_id=merchant_id,
        points_expiration_days=days,
        warning_days=draw.choice(([14], [14, 7], [14, 3, 1])),
        min_notice_days=notice,
        time_zone=zone,
    )
    return program_id, days, zone


def _card(
    connection: Connection,
    draw: random.Random,
    number: int,
    program: tuple[int, int, str],
    due_in: int,
) -> int:
    program_id, days, zone = program
    # Every sixth customer has no address.
    email = None if number % 6 == 5 else f"member{number}@example.org"
    language = draw.choice(("en", "fr", "de", "lb", None))
    customer = factories.customer(
        connection, email=email, first_name=f"Member{number}", preferred_language=language
    )
    return factories.card(
        connection,
        program_id,
        points=draw.randrange(1, 5000),
        stamps=draw.randrange(3),
        last_activity_at=_noon(TODAY + timedelta(days=due_in - days), zone),
        customer_id=customer,
        card_number=f"card {number}",
    )


def _noon(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
