"""Holds the database against the model, row by row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from include.reconcile import violations
from tests.model.reference import Card
from tests.model.shop import Member, Shop
from tests.rows import rows

NOTHING_REMAINS = "16_nothing_eligible_remains"
CARDS = """
    select id, points_balance, stamp_count, total_points_voided, last_activity_at,
        last_expiration_warning_at
    from loyalty.loyalty_cards
"""
BOOKED = """
    select card_id, transaction_type, points_delta, transaction_at
    from loyalty.loyalty_transactions
    where transaction_type in ('points_expired', 'points_reinstated') order by id
"""
EXPIRIES = """
    select gone.card_id, gone.cycle_started_at, gone.points, gone.due_on, gone.usable_until,
        gone.reinstated_by is not null, mails.status, mails.attempts
    from loyalty.expirations as gone
    join loyalty.email_logs as mails on mails.occurrence_key = 'expired:' || gone.transaction_id
"""
WARNINGS = """
    select notices.card_id, notices.cycle_started_at, notices.stage_days, mails.status,
        mails.attempts, notices.due_on, notices.promised_on, notices.opened_on,
        (mails.variables ->> 'points')::bigint
    from loyalty.expiration_notices as notices
    join loyalty.email_logs as mails on mails.id = notices.email_log_id
"""
REPORT = """
    select program_id, warning_cards_queued, cards_expired, points_expired, cards_reinstated,
        points_reinstated
    from loyalty.expiration_run_programs where run_id = %(run_id)s
"""


def differences(shop: Shop) -> list[str]:
    """Return a sentence per card or report that differs, and what the checks find."""
    found = _card_differences(shop)
    if shop.run_id is not None:
        found += _report_differences(shop)
    return found + [
        str(violation)
        for violation in violations(shop.engine, None)
        # Since the last run a card may have become active again, of which nothing keeps a record.
        if shop.has_just_run or violation.check != NOTHING_REMAINS
    ]


def _card_differences(shop: Shop) -> list[str]:
    known = _database(shop)
    return [
        f"card {card_id} ({member.program}): {name} should be {wanted}, is {got}"
        for member in shop.members
        for card_id, card in member.cards.items()
        for name, wanted, got in _unequal(_model(card), known.get(card_id, {}))
    ]


def _unequal(wanted: dict[str, Any], got: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [
        (name, value, got.get(name)) for name, value in wanted.items() if got.get(name) != value
    ]


def _model(card: Card) -> dict[str, Any]:
    return {
        "card": (
            card.balance, card.stamps, card.voided, card.last_activity, card.last_warning,
        ),
        "ledger": [
            row for row in card.ledger if row[0] in ("points_expired", "points_reinstated")
        ],
        "expiries": sorted(
            (cycle, gone.points, gone.due_on, gone.usable_until, gone.given_back, gone.mail,
             gone.attempts)
            for cycle, gone in card.expiries.items()
        ),
        "warnings": sorted(
            (cycle, mail.stage, mail.status, mail.attempts, mail.due_on, mail.promised_on,
             mail.opened_on, mail.points)
            for cycle, mails in card.warnings.items()
            for mail in mails.values()
        ),
    }  # fmt: skip


def _database(shop: Shop) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for card_id, *columns in rows(shop.engine, CARDS):
        found[card_id] = {"card": tuple(columns), "ledger": [], "expiries": [], "warnings": []}
    for name, statement in (("ledger", BOOKED), ("expiries", EXPIRIES), ("warnings", WARNINGS)):
        for card_id, *columns in rows(shop.engine, statement):
            found[card_id][name].append(tuple(columns))
    for card in found.values():
        for name in ("expiries", "warnings"):
            card[name].sort(key=_key)
    return found


def _key(row: tuple[Any, ...]) -> tuple[datetime, Any]:
    return row[0], row[1]


def _report_differences(shop: Shop) -> list[str]:
    reports = {
        program_id: tuple(int(value) for value in columns)
        for program_id, *columns in rows(shop.engine, REPORT, run_id=shop.run_id)
    }
    return [
        f"run {shop.run_id}, program {member.program_id}: {wanted} done, {got} reported"
        for member in shop.members
        if (wanted := _deeds(member)) != (got := reports[member.program_id])
    ]


def _deeds(member: Member) -> tuple[int, ...]:
    return tuple(vars(member.deeds).values())
