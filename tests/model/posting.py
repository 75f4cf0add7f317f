"""What becomes of a mail in the reference model: set aside, sent, put off, refused, unknown."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.model.reference import Card, Expiry, Warning_

RETRIES = 3


def post(card: Card, outcome: str, now: datetime) -> None:
    """Take every mail of the card that is due; the server answers `outcome` to each."""
    for cycle, mails in card.warnings.items():
        # A later stage was queued later, so it goes later; an earlier one is set aside for it.
        for mail in sorted(mails.values(), key=lambda each: -each.stage):
            if is_due(mail.status, mail.next_at, now):
                post_warning(card, cycle, mail, outcome, now)
    for expiry in card.expiries.values():
        if is_due(expiry.mail, expiry.next_at, now):
            post_expiry(card, expiry, outcome, now)


def is_due(status: str, next_at: datetime | None, now: datetime) -> bool:
    return status in ("queued", "deferred") and (next_at is None or next_at <= now)


def post_warning(card: Card, cycle: datetime, mail: Warning_, outcome: str, now: datetime) -> None:
    today = card.program.local(now)
    mail.named_on = named_date(card, cycle, mail, now)
    if is_stale(card, cycle, mail, now):
        mail.status, mail.next_at = "superseded", None
    elif not card.reachable:
        mail.status, mail.next_at = "suppressed", None
        mail.opened_on = mail.opened_on or today
    else:
        mail.points = card.balance
        answered(mail, outcome, today, now)


def named_date(card: Card, cycle: datetime, mail: Warning_, now: datetime):
    """Until when the points can really be used, as things are on the sending day."""
    program = card.program
    dates = [mail.due_on]
    if program.days is not None and 1 <= program.days <= 36500:
        dates.append(program.local(cycle) + timedelta(days=program.days))
    others = card.warnings[cycle].values()
    dates += [each.promised_on for each in others if each.promised_on]
    if program.min_notice > 0:
        opened = [each.opened_on for each in others if each.opened_on]
        opening = min(opened) if opened else program.local(now)
        dates.append(opening + timedelta(days=program.min_notice))
    return max(dates)


def is_stale(card: Card, cycle: datetime, mail: Warning_, now: datetime) -> bool:
    """Whether the warning would tell the customer something untrue by now."""
    program, today = card.program, card.program.local(now)
    active = card.is_active and program.is_active and program.merchant_active
    if not active or card.balance <= 0 or card.last_activity != cycle or cycle in card.expiries:
        return True
    if program.days is None or not 1 <= program.days <= 36500 or mail.named_on < today:
        return True
    later_reached = any(
        stage < mail.stage and mail.due_on - timedelta(days=stage) <= today
        for stage in program.stages
    )
    later_stands = any(
        each.stands and each.stage < mail.stage for each in card.warnings[cycle].values()
    )
    return later_reached or later_stands


def answered(mail: Warning_, outcome: str, today, now: datetime) -> None:
    if outcome in ("sent", "ambiguous"):
        mail.promised_on = max(mail.promised_on or mail.named_on, mail.named_on)
    if outcome in ("sent", "permanent") or (outcome == "ambiguous" and mail.unknown_times):
        mail.opened_on = mail.opened_on or today
    if outcome == "ambiguous":
        mail.status = "ambiguous" if mail.unknown_times else "queued"
        mail.unknown_times += 1
        mail.next_at = None
    else:
        mail.status, mail.next_at, mail.attempts = counted(mail.attempts, outcome, now)
        if mail.status == "failed":
            mail.failed_on = today


def post_expiry(card: Card, expiry: Expiry, outcome: str, now: datetime) -> None:
    if expiry.given_back:
        expiry.mail, expiry.next_at = "superseded", None
    elif not card.reachable:
        expiry.mail, expiry.next_at = "suppressed", None
    elif outcome == "ambiguous":
        expiry.mail, expiry.next_at = "ambiguous", None
    else:
        expiry.mail, expiry.next_at, expiry.attempts = counted(expiry.attempts, outcome, now)


def counted(attempts: int, outcome: str, now: datetime) -> tuple[str, datetime | None, int]:
    """Return status, next try and attempts after an answer."""
    if outcome == "temporary" and attempts < RETRIES:
        return "deferred", now + timedelta(seconds=60 * 2**attempts), attempts + 1
    return ("sent" if outcome == "sent" else "failed"), None, attempts + 1
