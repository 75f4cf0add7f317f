"""The rules in plain Python: one card at a time, no SQL, no state but what a customer could know.

Written from the meaning of the rules, not from the statements that carry them out. Instants are
aware datetimes, days are dates; all arithmetic on days is arithmetic on dates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

ACTIVITIES = {
    "card_created", "welcome_bonus", "points_earned", "points_redeemed", "stamp_earned",
    "stamp_redeemed",
}  # fmt: skip
NO_ZONE = "Mars/Base"


@dataclass
class Program:
    """A program and its merchant, as their settings are now."""

    days: int | None
    warning_days: list[int]
    min_notice: int
    zone: str
    is_active: bool = True
    merchant_active: bool = True

    @property
    def takes_part(self) -> bool:
        is_dated = self.days is not None and 1 <= self.days <= 36500 and self.zone != NO_ZONE
        return is_dated and self.is_active and self.merchant_active

    @property
    def stages(self) -> list[int]:
        """The warning stages, those too early cut to one day less than the expiry."""
        return sorted({min(stage, self.days - 1) for stage in self.warning_days if stage >= 0})

    def local(self, instant: datetime) -> date:
        return instant.astimezone(ZoneInfo("UTC" if self.zone == NO_ZONE else self.zone)).date()


@dataclass
class Warning_:
    """The one mail of a card's cycle and stage, and what it promised."""

    stage: int
    due_on: date
    status: str = "queued"
    attempts: int = 0
    next_at: datetime | None = None
    named_on: date | None = None
    promised_on: date | None = None
    opened_on: date | None = None
    failed_on: date | None = None
    unknown_times: int = 0
    points: int = 0

    @property
    def stands(self) -> bool:
        """A superseded mail, or one put off too often, may be queued again."""
        return self.status != "superseded" and not (
            self.status == "failed" and self.opened_on is None
        )

    def has_failed_since(self, day: date) -> bool:
        """Whether it was put off too often that day; the next day's run queues it again."""
        return not self.stands and self.status == "failed" and self.failed_on >= day


@dataclass
class Expiry:
    """What was taken at the end of one cycle."""

    points: int
    due_on: date
    usable_until: date
    zone: str
    booked_at: datetime
    given_back: bool = False
    mail: str = "queued"
    attempts: int = 0
    next_at: datetime | None = None


@dataclass
class Card:
    """A card; `ledger` holds (type, points, at) as they were booked."""

    program: Program
    balance: int = 0
    stamps: int = 0
    voided: int = 0
    last_activity: datetime | None = None
    last_warning: datetime | None = None
    is_active: bool = True
    reachable: bool = True
    ledger: list[tuple[str, int, datetime]] = field(default_factory=list)
    warnings: dict[datetime, dict[int, Warning_]] = field(default_factory=dict)
    expiries: dict[datetime, Expiry] = field(default_factory=dict)

    def book(self, kind: str, points: int, at: datetime, stamps: int = 0) -> None:
        """What the application promises: ledger, balance by a delta, activity by its time."""
        self.ledger.append((kind, points, at))
        self.balance += points
        self.stamps += stamps
        if kind in ACTIVITIES:
            self.last_activity = max(self.last_activity or at, at)

    def cycle_warnings(self) -> list[Warning_]:
        return list(self.warnings.get(self.last_activity, {}).values())

    def usable_until(self, due_on: date, opened_default: date | None) -> date:
        """The last day the points can be used: by the rules, by promises, by minimum notice."""
        given = self.cycle_warnings()
        dates = [due_on, *(each.promised_on for each in given if each.promised_on)]
        opened = [each.opened_on for each in given if each.opened_on]
        opening = min(opened) if opened else opened_default
        if self.program.min_notice > 0 and opening is not None:
            dates.append(opening + timedelta(days=self.program.min_notice))
        return max(dates)

    @property
    def due_on(self) -> date:
        return self.program.local(self.last_activity) + timedelta(days=self.program.days)

    @property
    def in_play(self) -> bool:
        """Whether a run may look at the card at all."""
        return self.is_active and self.balance > 0 and self.last_activity is not None


@dataclass
class Deeds:
    """What one run did to one program."""

    warned: int = 0
    expired: int = 0
    points_expired: int = 0
    cards_back: int = 0
    points_back: int = 0


def run(cards: list[Card], as_of: datetime, now: datetime) -> Deeds:
    """One run over the cards of one program; a program that takes no part is left alone."""
    deeds = Deeds()
    if not cards or not cards[0].program.takes_part:
        return deeds
    for card in cards:
        points = give_back(card, now)
        deeds.points_back += points
        deeds.cards_back += points > 0
    for card in cards:
        deeds.warned += warn(card, as_of, now)
    for card in cards:
        points = expire(card, as_of, now)
        deeds.points_expired += points
        deeds.expired += points > 0
    return deeds


def give_back(card: Card, now: datetime) -> int:
    """Return the points of expiries that activity, recorded late, shows to have been wrong."""
    if not card.is_active or card.last_activity is None:
        return 0
    given = 0
    for cycle, expiry in sorted(card.expiries.items(), key=lambda item: item[1].booked_at):
        in_time = any(
            kind in ACTIVITIES
            and at > cycle
            and at.astimezone(ZoneInfo(expiry.zone)).date() <= expiry.usable_until
            for kind, _, at in card.ledger
        )
        if in_time and not expiry.given_back:
            expiry.given_back = True
            card.book("points_reinstated", expiry.points, now)
            card.voided -= expiry.points
            given += expiry.points
    return given


def warn(card: Card, as_of: datetime, now: datetime) -> bool:
    """Queue the warning whose stage is reached, unless it or a later one stands."""
    program = card.program
    if not card.in_play or not program.stages or card.last_activity in card.expiries:
        return False
    today, clock_day = program.local(as_of), program.local(now)
    first, reached = (
        program.stages[-1],
        [stage for stage in program.stages if card.due_on - timedelta(days=stage) <= clock_day],
    )
    if card.due_on - timedelta(days=first) > today or not reached:
        return False
    stage = min(reached)
    if any(
        each.stage <= stage and (each.stands or each.has_failed_since(clock_day))
        for each in card.cycle_warnings()
    ):
        return False
    if card.usable_until(card.due_on, clock_day) < clock_day:
        return False
    mails = card.warnings.setdefault(card.last_activity, {})
    mail = mails.setdefault(stage, Warning_(stage, card.due_on))
    mail.due_on, mail.status, mail.attempts, mail.next_at = card.due_on, "queued", 0, None
    mail.points = card.balance
    card.last_warning = now
    return True


def expire(card: Card, as_of: datetime, now: datetime) -> int:
    """Take the points of a cycle that is over; returns how many."""
    program = card.program
    if not card.in_play or card.last_activity in card.expiries:
        return 0
    judged = min(program.local(as_of), program.local(now))
    until = card.usable_until(card.due_on, None)
    gate = program.min_notice <= 0 or any(each.opened_on for each in card.cycle_warnings())
    if card.due_on >= judged or until >= judged or not gate:
        return 0
    points = card.balance
    card.expiries[card.last_activity] = Expiry(points, card.due_on, until, program.zone, now)
    card.book("points_expired", -points, now)
    card.voided += points
    return points
