"""What the database itself refuses: second expiries, negative figures, rewriting the past."""

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from include.database import PIPELINE, transaction
from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.scene import day, refusal
from tests.rows import execute

SHARED = "migrations/0002_pipeline_tables/02_create_views_and_functions.sql"
TABLES = "migrations/0002_pipeline_tables/01_create_tables.sql"
EXTENDED = "migrations/0004_held_and_reinstated/03_replace_views_and_functions.sql"
GRANTS = "migrations/0005_roles/03_grant_rights.sql"
GUARDS = "migrations/0005_roles/04_guard_closed_runs.sql"
APPLICATION = "migrations/0001_application_tables/04_add_constraints.sql"
DAY_AFTER = "2026-01-02"
STAGE_DAY = "2025-12-18"


def second_expiry_of_a_cycle_is_refused(engine: Engine) -> None:
    factories.card(engine)
    day(engine, DAY_AFTER)
    another_run = day(engine, "2026-01-03")
    again = f"""
        with row as (
            insert into loyalty.loyalty_transactions (card_id, merchant_id, transaction_type)
            values (1, 1, 'points_expired') returning id
        )
        insert into loyalty.expirations (
            transaction_id, card_id, cycle_started_at, due_on, points, run_id
        )
        select row.id, 1, cycle_started_at, due_on, 5, {another_run}
        from row, loyalty.expirations
    """
    assert "expirations_one_per_cycle" in refusal(IntegrityError, execute, engine, again)


def balance_below_zero_is_refused(engine: Engine) -> None:
    factories.card(engine)
    for column in ("points_balance", "total_points_voided"):
        taken = f"update loyalty.loyalty_cards set {column} = -1"
        assert "nothing_negative" in refusal(IntegrityError, execute, engine, taken)


def as_pipeline(engine: Engine, statement: str) -> None:
    with transaction(engine, role=PIPELINE) as connection:
        connection.exec_driver_sql(statement)


def pipeline_may_not_rewrite_ledger_activity_or_closed_runs(engine: Engine) -> None:
    factories.card(engine)
    day(engine, DAY_AFTER)
    as_pipeline(engine, "update loyalty.expirations set reinstated_by = transaction_id")
    for statement, refused in (
        ("update loyalty.loyalty_transactions set points_delta = 0", "permission denied"),
        ("update loyalty.loyalty_cards set last_activity_at = null", "permission denied"),
        ("update loyalty.expiration_runs set points_expired = 1", "closed"),
        ("update loyalty.expiration_run_programs set points_expired = 1", "closed"),
        ("insert into loyalty.expiration_skips values (1, 'expiry', 1, 'locked', '2026-01-02Z')",
         "closed"),
        ("update loyalty.expirations set reinstated_by = transaction_id", "given back already"),
    ):  # fmt: skip
        assert refused in refusal(DBAPIError, as_pipeline, engine, statement)


MUTANTS = (
    Mutant(
        "cycle_may_expire_once_per_run",
        TABLES,
        "constraint expirations_one_per_cycle unique (card_id, cycle_started_at)",
        "constraint expirations_one_per_cycle unique (card_id, cycle_started_at, run_id)",
        "The key of an expiry is the cycle: two backfills must not expire a card twice.",
        second_expiry_of_a_cycle_is_refused,
    ),
    Mutant(
        "balance_may_be_negative",
        APPLICATION,
        "check (points_balance >= 0 and",
        "check (points_balance >= -100 and",
        "Nothing is negative.",
        balance_below_zero_is_refused,
    ),
    Mutant(
        "pipeline_may_move_activity",
        GRANTS,
        "grant update (points_balance, total_points_voided, last_expiration_warning_at)",
        "grant update (points_balance, total_points_voided, last_expiration_warning_at,"
        " last_activity_at)",
        "Nobody but the application says when a card was active.",
        pipeline_may_not_rewrite_ledger_activity_or_closed_runs,
    ),
    Mutant(
        "pipeline_may_rewrite_the_ledger",
        GRANTS,
        "grant insert on loyalty.loyalty_transactions to loyalty_pipeline",
        "grant insert, update on loyalty.loyalty_transactions to loyalty_pipeline",
        "The ledger is append-only.",
        pipeline_may_not_rewrite_ledger_activity_or_closed_runs,
    ),
    Mutant(
        "closed_run_may_be_changed",
        GUARDS,
        "loyalty.is_pipeline_role() and old.status = 'closed'",
        "loyalty.is_pipeline_role() and old.status = 'open' and new.status = 'open'",
        "A closed run never changes.",
        pipeline_may_not_rewrite_ledger_activity_or_closed_runs,
    ),
    Mutant(
        "closed_run_takes_more_rows",
        GUARDS,
        "where runs.status = 'closed'",
        "where runs.status = 'lost'",
        "A task that was frozen must not add to a run that its repetition closed.",
        pipeline_may_not_rewrite_ledger_activity_or_closed_runs,
    ),
    Mutant(
        "expiry_may_be_given_back_twice",
        GUARDS,
        "old.reinstated_by is not null",
        "old.reinstated_by is null and new.reinstated_by is null",
        "An expiry is marked as given back once.",
        pipeline_may_not_rewrite_ledger_activity_or_closed_runs,
    ),
)
