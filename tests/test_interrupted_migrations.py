"""A migration that breaks off anywhere is taken up again, and stands in no till's way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from include import migrations
from include.migrations import migrate
from tests import factories
from tests.rows import execute, rows
from tests.waiting import wait_for_waiting

STEPS = (
    "create_index",
    "create_roles",
    "create_unique_constraint",
    "lock_tables",
    "run_file",
    "validate_constraints",
    "verify_columns",
)
CATALOGUE = """
    select 'column', table_name || '.' || column_name,
        concat_ws(' ', data_type, is_nullable, column_default)
    from information_schema.columns where table_schema = 'loyalty'
    union all
    select 'index', indexes.indexrelid::regclass::text,
        pg_get_indexdef(indexes.indexrelid) || indexes.indisvalid
    from pg_index as indexes
    inner join pg_class as classes on classes.oid = indexes.indexrelid
    where classes.relnamespace = 'loyalty'::regnamespace
    union all
    select 'constraint', conrelid::regclass::text || '.' || conname,
        pg_get_constraintdef(oid) || convalidated
    from pg_constraint where connamespace = 'loyalty'::regnamespace
    union all
    select 'view', viewname, definition from pg_views where schemaname = 'loyalty'
    union all
    select 'function', oid::regprocedure::text, pg_get_functiondef(oid)
    from pg_proc where pronamespace = 'loyalty'::regnamespace
    union all
    select 'trigger', tgrelid::regclass::text || '.' || tgname, pg_get_triggerdef(tgs.oid)
    from pg_trigger as tgs inner join pg_class as classes on classes.oid = tgs.tgrelid
    where classes.relnamespace = 'loyalty'::regnamespace and not tgs.tgisinternal
    union all
    select 'right', relname, relacl::text from pg_class
    where relnamespace = 'loyalty'::regnamespace
    order by 1, 2, 3
"""


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


@pytest.fixture
def empty(engine):
    """The engine's database without the schema."""
    execute(engine, "drop schema loyalty cascade")
    return engine


def test_migration_that_breaks_off_after_any_of_its_steps_is_taken_up(
    empty, other_engine, monkeypatch
):
    done = set()

    def interrupted_once(name):
        step = getattr(migrations, name)

        def take(*arguments, **options):
            step(*arguments, **options)
            if (name, arguments) not in done:
                done.add((name, arguments))
                raise Interrupted

        return take

    for name in STEPS:
        monkeypatch.setattr(migrations, name, interrupted_once(name))
    is_done = False
    while not is_done:
        try:
            migrate(empty)
            is_done = True
        except Interrupted:
            pass
    assert len(done) > 50
    assert rows(empty, CATALOGUE) == rows(other_engine, CATALOGUE)


@pytest.mark.parametrize(
    ("before", "broken_off"),
    [
        ("0007_lifecycle_mail", "0008_mail_handover"),
        ("0010_template_fingerprints", "0012_expiration_forecast"),
        ("0014_undecided_cards", "0015_points_outlook"),
    ],
)
def test_version_of_which_all_is_there_but_its_number_is_taken_up(
    empty, other_engine, before, broken_off
):
    migrate(empty, broken_off)
    execute(empty, f"update loyalty.pipeline_version set version_num = '{before}'")
    migrate(empty)
    assert rows(empty, CATALOGUE) == rows(other_engine, CATALOGUE)


@pytest.mark.parametrize("tables", ["the application's alone", "the pipeline's to come"])
def test_till_goes_on_while_a_migration_waits_for_it(empty, tables):
    migrate(empty, "0001_application_tables")
    card = factories.card(empty, points=100)
    if tables == "the application's alone":
        execute(empty, "drop table loyalty.pipeline_version")
    with ThreadPoolExecutor() as threads:
        with empty.begin() as till:
            # The ledger row first, then the balance.
            till.exec_driver_sql(
                "insert into loyalty.loyalty_transactions (card_id, merchant_id, transaction_type)"
                " select id, merchant_id, 'points_earned' from loyalty.loyalty_cards"
            )
            migrating = threads.submit(migrate, empty)
            wait_for_waiting(empty)
            till.exec_driver_sql("set local lock_timeout = '10s'")
            till.exec_driver_sql("update loyalty.loyalty_cards set points_balance = 110")
        migrating.result()
    assert rows(empty, "select id, points_balance from loyalty.loyalty_cards") == [(card, 110)]
