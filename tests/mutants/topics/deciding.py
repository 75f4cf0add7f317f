"""The second look: what changed between the plan and the locked card spares the points."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from sqlalchemy import Engine

from include.cohorts import carry_out
from tests import factories
from tests.mutants.mutant import Example, Mutant
from tests.mutants.scene import change, selected
from tests.rows import balance, rows, skips

POST = "expire_points/01_post_expirations.sql"
SKIPS = "expire_points/02_record_skips.sql"
DAY_AFTER = "2026-01-02"


def come_back(engine: Engine) -> None:
    # Posted late, an hour after the cycle began: a cycle of its own, and due as well.
    factories.earn(engine, 1, 5, "2025-01-01T13:00Z")


def empty(engine: Engine) -> None:
    factories.adjust(engine, 1, -100, "2026-01-02T02:00Z")


def move_to_another_program(engine: Engine) -> None:
    factories.program(engine, merchant_id=1)
    change(engine, "loyalty_cards", program_id=2)


def setting(table: str, **columns: object) -> Callable[[Engine], None]:
    return lambda engine: change(engine, table, **columns)


CHANGES: dict[str, tuple[Callable[[Engine], None], str]] = {
    "activity": (come_back, "came_back"),
    "emptying": (empty, "emptied"),
    "deactivated_card": (setting("loyalty_cards", is_active=False), "deactivated"),
    "deactivated_program": (setting("loyalty_programs", is_active=False), "deactivated"),
    "deactivated_merchant": (setting("merchants", is_active=False), "deactivated"),
    "another_program": (move_to_another_program, "settings_changed"),
    "days_switched_off": (
        setting("loyalty_programs", points_expiration_days=None),
        "settings_changed",
    ),
    "longer_days": (setting("loyalty_programs", points_expiration_days=400), "settings_changed"),
    "another_zone": (
        setting("loyalty_programs", time_zone="Europe/Luxembourg"),
        "settings_changed",
    ),
    "longer_notice": (setting("loyalty_programs", min_notice_days=7), "notice_owed"),
}


@cache
def points_are_kept_after(what: str) -> Example:
    """A due card is planned, then something changes; the deed leaves it alone and says why."""
    alter, reason = CHANGES[what]

    def example(engine: Engine) -> None:
        card = factories.card(engine)
        run_id = selected(engine, DAY_AFTER, "expiry")
        alter(engine)
        left = balance(engine, card)
        carry_out(engine, run_id, "expiry")
        assert skips(engine, run_id) == [("expiry", card, reason)]
        assert balance(engine, card) == left

    example.__name__ = f"points_are_kept_after_{what}"
    return example


def kinder_days_are_the_ones_that_are_told(engine: Engine) -> None:
    factories.card(engine)
    run_id = selected(engine, DAY_AFTER, "expiry")
    change(engine, "loyalty_programs", points_expiration_days=300)
    carry_out(engine, run_id, "expiry")
    told = """
        select notes, due_on::text, variables ->> 'inactivity_days'
        from loyalty.loyalty_transactions as ledger
        join loyalty.expirations on transaction_id = ledger.id
        join loyalty.email_logs on occurrence_key = 'expired:' || transaction_id
    """
    assert rows(engine, told) == [
        ("Points expired after 365 days of inactivity", "2026-01-01", "365")
    ]


def cycle_expired_meanwhile_is_left_alone(engine: Engine) -> None:
    # Two runs plan the same card; the first expires it, and points come back by adjustment.
    card = factories.card(engine)
    first, second = (selected(engine, DAY_AFTER, "expiry") for _ in range(2))
    carry_out(engine, first, "expiry")
    factories.adjust(engine, card, 50, "2026-01-02T02:00Z")
    carry_out(engine, second, "expiry")
    assert balance(engine, card) == 50
    assert skips(engine, second) == [("expiry", card, "already_expired")]


def without(name: str, predicate: str, why: str, what: str) -> Mutant:
    """The deed does not look at one thing any more."""
    return Mutant(name, POST, predicate, "", why, points_are_kept_after(what))


MUTANTS = (
    Mutant(
        "activity_is_not_looked_at_again",
        POST,
        "cards.last_activity_at is not distinct from planned.cycle_started_at",
        "true",
        "The plan is about a cycle; one that has ended cannot expire any more.",
        points_are_kept_after("activity"),
    ),
    without(
        "balance_is_not_looked_at_again",
        "and cards.points_balance > 0",
        "A card emptied meanwhile has nothing to expire.",
        "emptying",
    ),
    without(
        "card_is_not_looked_at_again",
        "and cards.is_active",
        "Inactive cards are never touched.",
        "deactivated_card",
    ),
    without(
        "program_is_not_looked_at_again",
        "and programs.is_active",
        "Inactive programs are never touched.",
        "deactivated_program",
    ),
    without(
        "merchant_is_not_looked_at_again",
        "and merchants.is_active",
        "Inactive merchants are never touched.",
        "deactivated_merchant",
    ),
    without(
        "moved_card_expires_by_its_former_program",
        "and cards.program_id is not distinct from chunk_programs.program_id",
        "A card that moved has the rules of its new program.",
        "another_program",
    ),
    without(
        "switched_off_expiry_goes_on",
        "and programs.points_expiration_days between 1 and 36500",
        "A program whose points never expire by now takes none.",
        "days_switched_off",
    ),
    without(
        "former_time_zone_decides",
        "and programs.time_zone = run_programs.time_zone",
        "In another zone the dates are others; the next run works them out.",
        "another_zone",
    ),
    Mutant(
        "days_of_the_plan_decide_alone",
        POST,
        "greatest(run_programs.points_expiration_days, programs.points_expiration_days)",
        "run_programs.points_expiration_days",
        "Of the settings at plan and deed the kinder decides.",
        points_are_kept_after("longer_days"),
    ),
    Mutant(
        "stricter_days_decide",
        POST,
        "greatest(run_programs.points_expiration_days, programs.points_expiration_days)",
        "least(run_programs.points_expiration_days, programs.points_expiration_days)",
        "Of the settings at plan and deed the kinder decides, and is what is told.",
        kinder_days_are_the_ones_that_are_told,
    ),
    Mutant(
        "expiry_is_keyed_by_the_run",
        POST,
        "and expirations.cycle_started_at = noticed_members.cycle_started_at",
        "and expirations.run_id = %(run_id)s::bigint",
        "A cycle expires once, whichever run comes second.",
        cycle_expired_meanwhile_is_left_alone,
    ),
    Mutant(
        "reason_of_an_emptied_card_is_lost",
        SKIPS,
        "when cards.points_balance = 0 then 'emptied'",
        "",
        "A skip says why.",
        points_are_kept_after("emptying"),
    ),
    Mutant(
        "already_expired_is_called_promised",
        SKIPS,
        "and expirations.cycle_started_at = undecided.cycle_started_at",
        "and expirations.run_id = undecided.run_id",
        "A skip says why.",
        cycle_expired_meanwhile_is_left_alone,
    ),
)
