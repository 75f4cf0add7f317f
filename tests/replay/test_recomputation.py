"""The history once more, from the raw file and the words of docs/replay.md alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import pandas as pd

from include.replay.purchases import purchases_file
from include.replay.replay import Replay, history

LAST_RUN = datetime(2026, 11, 20, 2, tzinfo=UTC)
# Yesterday is Thursday 2026-11-19, the last Tuesday the 17th: 10,367 days = 1,481 weeks.
MOVED = timedelta(weeks=1_481)
# Program: days (0: never), zone. Seven programs in 20 parts.
RULES = {
    101: (365, "Europe/Luxembourg"),
    201: (180, "Europe/Paris"),
    301: (270, "Europe/Berlin"),
    302: (0, "Europe/Berlin"),
    401: (0, "Europe/London"),
    402: (120, "America/New_York"),
    501: (365, "Pacific/Auckland"),
}
URN = [101] * 6 + [201] * 4 + [301] * 3 + [302] + [401] * 2 + [402] * 2 + [501] * 2
CUSTOMERS = 400


@dataclass
class Card:
    balance: int = 0
    earned: int = 0
    redeemed: int = 0
    voided: int = 0


def _draw(purpose: str, number: int) -> int:
    return int(hashlib.sha256(f"1997:{purpose}:{number}".encode()).hexdigest()[:16], 16)


def _lines() -> list[tuple[int, int, str, float]]:
    text = purchases_file().read_text(encoding="ascii").splitlines()[1:]
    fields = [line.split() for line in text]
    return [
        (number, int(customer), day, float(dollars))
        for number, (customer, day, _, dollars) in enumerate(fields, start=1)
    ]


def _deeds(
    lines: list[tuple[int, int, str, float]], zone: ZoneInfo
) -> Iterator[tuple[datetime, int, int, int]]:
    """One customer's purchases and redemptions: instant, order, points, divisor."""
    for day, same_day in groupby(lines, key=lambda line: line[2]):
        bought = list(same_day)
        slot = 39_600 // len(bought)
        for place, (number, _, _, dollars) in enumerate(bought):
            second = 32_400 + place * slot + _draw("time", number) % slot
            moved = date.fromisoformat(day) + MOVED
            clock = datetime.combine(moved, time(), zone) + timedelta(seconds=second)
            at = clock.astimezone(UTC)
            yield at, 0, int(dollars), 0
            if _draw("redemption", number) % 60 == 0:
                yield at + timedelta(hours=1), 1, 0, 1
            elif _draw("redemption", number) % 12 == 5:
                yield at + timedelta(hours=1), 1, 0, 2


def _relive(lines: list[tuple[int, int, str, float]], program: int) -> Card:
    """Live one card's days: what the customer did up to each run, then the run."""
    days, name = RULES[program]
    zone = ZoneInfo(name)
    deeds = sorted(_deeds(lines, zone))
    card, last_on = Card(), date.max
    run = datetime.combine(deeds[0][0].date(), time(2), UTC)
    while run <= LAST_RUN:
        while deeds and deeds[0][0] <= run:
            at, _, points, divisor = deeds.pop(0)
            taken = card.balance // divisor if divisor else 0
            card.earned += points
            card.redeemed += taken
            card.balance += points - taken
            last_on = at.astimezone(zone).date()
        if days and card.balance and last_on + timedelta(days) < run.astimezone(zone).date():
            card.voided += card.balance
            card.balance = 0
        run += timedelta(days=1)
    return card


def test_points_of_every_customer_are_the_whole_dollars_of_the_file(replay: Replay) -> None:
    lines = pd.Series(purchases_file().read_text(encoding="ascii").splitlines()[1:])
    raw = lines.str.extract(r"(\d+) +\d+ +\d+ +(\d+)\.").astype(int)
    expected = raw[1].groupby(raw[0]).sum()
    cards = history(replay, LAST_RUN).cards.set_index("customer_id")
    assert cards["total_points_earned"].to_dict() == expected.to_dict()


def test_cards_are_as_the_written_rules_say(replay: Replay) -> None:
    lines = [line for line in _lines() if line[1] <= CUSTOMERS]
    cards = history(replay, LAST_RUN).cards.set_index("customer_id")
    columns = ["points_balance", "total_points_earned", "total_points_redeemed"]
    columns += ["total_points_voided"]
    voided = 0
    for customer, own in groupby(lines, key=lambda line: line[1]):
        program = URN[_draw("program", customer) % 20]
        card = _relive(list(own), program)
        found = cards.loc[customer]
        assert found["program_id"] == program
        assert found[columns].tolist() == list(vars(card).values())
        voided += card.voided
    assert voided > 0
