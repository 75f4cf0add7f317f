"""Checks of cards and their ledger that see nothing, or cry wolf: each finds what is planted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from include.reconcile import violations
from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.planting import blind, found, run_a_day
from tests.mutants.scene import day
from tests.rows import execute, rows


def clean_days_break_nothing(engine: Engine) -> None:
    run_a_day(engine)
    factories.earn(engine, 1, 10, "2026-01-03T12:00Z")
    factories.void(engine, 3, 5, "2026-01-04T12:00Z")
    ((transaction_id,),) = rows(engine, "select transaction_id from loyalty.expirations")
    factories.reinstate(engine, transaction_id, "2026-01-05T12:00Z")
    day(engine, "2026-01-11")
    assert violations(engine, None) == []


@contextmanager
def without_constraint(engine: Engine, table: str, name: str) -> Iterator[None]:
    (definition,) = rows(
        engine, "select pg_get_constraintdef(oid) from pg_constraint where conname = %(n)s", n=name
    )[0]
    execute(engine, f"alter table loyalty.{table} drop constraint {name}")
    try:
        yield
    finally:
        added = f"alter table loyalty.{table} add constraint {name} {definition}"
        execute(engine, added.removesuffix(" NOT VALID") + " not valid")


def one_negative_figure_is_found(engine: Engine) -> None:
    run_a_day(engine)
    with without_constraint(engine, "loyalty_cards", "loyalty_cards_nothing_negative"):
        execute(engine, "update loyalty.loyalty_cards set total_points_redeemed = -1 where id = 3")
        assert found(engine) == {"02_nothing_is_negative"}


MUTANTS = (
    blind(
        "01_balance_is_sum_of_ledger",
        "only_missing_points_are_seen",
        "cards.points_balance <> ledger_sums.points_total",
        "cards.points_balance < ledger_sums.points_total",
        "A balance above its ledger is as wrong as one below.",
        "update loyalty.loyalty_cards set points_balance = 31 where id = 3",
    ),
    Mutant(
        "all_figures_must_be_negative",
        "checks/02_nothing_is_negative.sql",
        "least(\n        cards.points_balance",
        "greatest(\n        cards.points_balance",
        "One negative figure is enough.",
        one_negative_figure_is_found,
    ),
    blind(
        "03_one_expiration_per_cycle",
        "amount_of_the_ledger_row_is_not_compared",
        "or ledger.points_delta <> -expirations.points",
        "",
        "An expiration and its ledger row are about the same points.",
        "update loyalty.expirations set points = 101 where card_id = 1",
    ),
    blind(
        "04_balance_is_zero_after_expiry",
        "points_left_by_an_expiry_are_not_seen",
        "or running_balances.points_left + running_balances.points_debited_meanwhile > 0",
        "",
        "An expiry takes everything.",
        "update loyalty.loyalty_transactions set points_delta = points_delta + 5"
        " where card_id = 1 and transaction_type = 'points_earned'",
        "insert into loyalty.loyalty_transactions (card_id, merchant_id, transaction_type,"
        " points_delta, transaction_at)"
        " values (1, 1, 'points_adjusted', -5, '2026-01-02 02:00+00')",
    ),
    blind(
        "05_no_activity_before_expiry",
        "activity_of_the_last_day_is_not_seen",
        "interval '1 minute'",
        "interval '1 day'",
        "A purchase of the evening before ends the cycle.",
        "update loyalty.loyalty_transactions set transaction_at = '2026-01-01 12:00+00'"
        " where card_id = 1 and transaction_type = 'points_earned'",
    ),
    # 2025-01-01 + 366 days = 2026-01-02, which is the run's today.
    blind(
        "06_nothing_expired_early",
        "expiry_on_the_last_day_is_not_seen",
        ">= promised_expiries.today",
        "> promised_expiries.today",
        "Points may be used until the end of their last local day.",
        "update loyalty.expiration_run_programs set points_expiration_days = 366",
    ),
    blind(
        "07_rows_belong_to_their_merchant",
        "rows_of_a_later_merchant_are_not_seen",
        "where owned_rows.merchant_id <> cards.merchant_id",
        "where owned_rows.merchant_id < cards.merchant_id",
        "Any other merchant is the wrong one.",
        "insert into loyalty.merchants (name) values ('Another')",
        "update loyalty.loyalty_transactions set merchant_id = 2 where card_id = 2",
    ),
    blind(
        "08_expiry_moves_no_activity",
        "activity_that_vanished_is_not_seen",
        "cards.last_activity_at is distinct from latest_cycles.cycle_started_at",
        "cards.last_activity_at <> latest_cycles.cycle_started_at",
        "Null is another instant, too.",
        "update loyalty.loyalty_cards set last_activity_at = null where id = 1",
    ),
    Mutant(
        "reinstated_points_count_as_voided",
        "checks/09_voided_total_is_sum_of_ledger.sql",
        "'points_expired', 'points_voided', 'points_reinstated'",
        "'points_expired', 'points_voided'",
        "The voided total is net of what came back.",
        clean_days_break_nothing,
    ),
)
