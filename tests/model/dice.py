"""Draws what happens next: evenly, or close to the midnights that decide."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.model.reference import NO_ZONE, Card, Program
from tests.model.shop import Member, Shop

ZONES = (
    "UTC", "Europe/Luxembourg", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe",
    "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati",
)  # fmt: skip
OUTCOMES = ("temporary", "permanent", "ambiguous")
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def program(draw: random.Random) -> Program:
    return Program(
        days=draw.choice((1, 2, 5, 10, 20)),
        warning_days=stages(draw),
        min_notice=draw.choice((0, 0, 0, 1, 3)),
        zone=draw.choice(ZONES),
    )


def stages(draw: random.Random) -> list[int]:
    return draw.choice(([], [0], [1], [3], [14], [3, 1], [7, 3, 1], [30, 2], [-1, 2]))


def later(draw: random.Random, shop: Shop, *, at_the_edge: bool) -> datetime:
    """Return the next instant: some time on, or a second around a midnight that decides."""
    somewhen = shop.now + timedelta(seconds=draw.randrange(1, 5 * 86400))
    if not at_the_edge:
        return somewhen
    member = draw.choice(shop.members)
    card = draw.choice(list(member.cards.values()))
    edges = [edge for edge in midnights(card) if shop.now < edge < shop.now + 40 * DAY]
    edge = draw.choice(edges) if edges else somewhen
    return max(edge + draw.choice((-SECOND, timedelta(0), SECOND)), shop.now + SECOND)


def midnights(card: Card) -> list[datetime]:
    """The local midnights at which a card's stage, due date, promise or notice turns."""
    settings = card.program
    if not settings.takes_part or card.last_activity is None:
        return []
    days = {card.due_on + DAY, *(card.due_on - stage * DAY for stage in settings.stages)}
    for warning in card.cycle_warnings():
        if warning.promised_on:
            days.add(warning.promised_on + DAY)
        if warning.opened_on:
            days.add(warning.opened_on + (settings.min_notice + 1) * DAY)
    return [midnight(day, settings.zone) for day in days]


def midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))


def something(draw: random.Random, shop: Shop, member: Member) -> None:
    """Let one thing happen to a member."""
    card_id, card = draw.choice(list(member.cards.items()))
    what = draw.choices((at_the_till, at_the_desk, in_the_office), (6, 2, 2))[0]
    what(draw, shop, member, card_id, card)


def at_the_till(draw: random.Random, shop: Shop, member: Member, card_id: int, card: Card) -> None:
    points = draw.randrange(1, 50)
    match draw.choices(("earn", "spend", "empty", "stamp", "late"), (5, 2, 1, 1, 3))[0]:
        case "earn":
            shop.book(card_id, card, "points_earned", points, shop.now)
        case "spend" if card.balance > 1:
            shop.book(card_id, card, "points_redeemed", -draw.randrange(1, card.balance), shop.now)
        case "empty" if card.balance:
            shop.book(card_id, card, "points_redeemed", -card.balance, shop.now)
        case "stamp":
            shop.book(card_id, card, "stamp_earned", 0, shop.now, stamps=1)
        case "late":
            shop.book(card_id, card, "points_earned", points, late(draw, shop, card))


def late(draw: random.Random, shop: Shop, card: Card) -> datetime:
    """An instant of the past at which something happened that is only recorded now."""
    ends = [
        midnight(expiry.usable_until + DAY, expiry.zone) + draw.choice((-SECOND, timedelta(0)))
        for expiry in card.expiries.values()
    ] + [cycle + SECOND for cycle in card.expiries]
    if ends and draw.random() < 0.6:
        return min(draw.choice(ends), shop.now)
    return shop.now - timedelta(seconds=draw.randrange(1, 20 * 86400))


def at_the_desk(draw: random.Random, shop: Shop, member: Member, card_id: int, card: Card) -> None:
    match draw.choice(("more", "less", "card", "address")):
        case "more":
            shop.book(card_id, card, "points_adjusted", draw.randrange(1, 20), shop.now)
        case "less" if card.balance:
            shop.book(card_id, card, "points_adjusted", -draw.randint(1, card.balance), shop.now)
        case "card":
            shop.set_card(card_id, card, not card.is_active)
        case "address":
            shop.set_reachable(card_id, card, not card.reachable)


def in_the_office(
    draw: random.Random, shop: Shop, member: Member, card_id: int, card: Card
) -> None:
    match draw.choice(("days", "stages", "notice", "zone", "program", "merchant")):
        case "days":
            shop.set_program(member, "days", draw.choice((None, 0, 1, 2, 5, 10, 20, 40000)))
        case "stages":
            shop.set_program(member, "warning_days", stages(draw))
        case "notice":
            shop.set_program(member, "min_notice", draw.choice((0, 1, 2, 5)))
        case "zone":
            shop.set_program(member, "zone", draw.choice((*ZONES, NO_ZONE)))
        case "program":
            shop.set_program(member, "is_active", not member.program.is_active)
        case "merchant":
            shop.set_merchant(member, not member.program.merchant_active)
