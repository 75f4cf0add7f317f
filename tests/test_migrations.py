from __future__ import annotations

import glob
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from include.database import require_schema
from include.embedded import account, ports, postgres
from include.errors import SchemaError
from include.mail.outbox import claim, open_sender
from include.migrations import MIGRATIONS, migrate
from tests import factories
from tests.day import run_day

VERSION = "0019_program_history"


@pytest.fixture
def empty(engine):
    """The engine's database without the schema."""
    with engine.begin() as connection:
        connection.exec_driver_sql("drop schema loyalty cascade")
    return engine


def columns_of(engine):
    query = text(
        "select table_name, column_name, data_type, is_nullable from information_schema.columns"
        " where table_schema = 'loyalty' order by 1, 2"
    )
    with engine.connect() as connection:
        return connection.execute(query).all()


def scalar(engine, sql):
    with engine.connect() as connection:
        return connection.execute(text(sql)).scalar()


def execute(engine, sql):
    with engine.begin() as connection:
        connection.execute(text(sql))


def test_migrating_twice_changes_nothing(empty):
    assert migrate(empty) == VERSION
    once = columns_of(empty)
    assert migrate(empty) == VERSION
    assert columns_of(empty) == once


def test_database_before_the_newest_migration_is_refused(empty):
    before = ScriptDirectory(str(MIGRATIONS)).get_revision(VERSION).down_revision
    migrate(empty, before)
    with pytest.raises(SchemaError, match="make migrate"):
        require_schema(empty)
    migrate(empty)
    require_schema(empty)


def test_selection_by_inactivity_has_its_partial_index(engine):
    definition = scalar(
        engine,
        "select indexdef from pg_indexes where indexname = 'loyalty_cards_inactivity_idx'",
    )
    assert "(program_id, last_activity_at)" in definition
    assert "points_balance > 0" in definition


def test_an_applications_tables_are_extended_and_keep_their_rows(empty):
    execute(
        empty,
        """
        create schema loyalty;
        create table loyalty.merchants (id bigserial primary key, name varchar(200),
            is_active boolean default true, vat_number text);
        create table loyalty.loyalty_programs (id bigserial primary key, merchant_id bigint,
            name text, is_active boolean);
        insert into loyalty.merchants (name, vat_number) values ('Kept', 'LU1');
        insert into loyalty.loyalty_programs (merchant_id, name, is_active) values (1, 'P', true);
        """,
    )
    assert migrate(empty) == VERSION
    assert scalar(empty, "select vat_number from loyalty.merchants") == "LU1"
    assert scalar(empty, "select warning_days from loyalty.loyalty_programs") == [14]
    assert scalar(empty, "select time_zone from loyalty.loyalty_programs") == "UTC"
    assert scalar(empty, "select count(*) from pg_constraint where not convalidated") == 0


@pytest.mark.parametrize("integers", ["integer[]", "bigint[]"])
def test_a_day_closes_where_the_application_keeps_its_stages_as_wider_integers(empty, at, integers):
    execute(
        empty,
        f"create schema loyalty; create table loyalty.loyalty_programs (id bigserial primary key,"
        f" merchant_id bigint, name text, is_active boolean default true, warning_days {integers})",
    )
    migrate(empty)
    program = factories.program(empty)
    gone = factories.card(empty, program, last_activity_at="2024-06-01T12:00:00+00:00")
    factories.card(empty, program, last_activity_at="2025-01-10T12:00:00+00:00")
    now = at("2026-01-01T02:00:00+00:00")
    run_day(empty, now)
    assert scalar(empty, "select status from loyalty.expiration_runs") == "closed"
    assert scalar(empty, "select card_id from loyalty.expirations") == gone
    assert str(scalar(empty, "select expires_on from loyalty.expiration_forecast")) == "2026-01-11"
    with open_sender(empty) as sender:
        assert len(claim(sender, sent_at=now).mails) == 2


def test_a_missing_column_is_named_and_nothing_is_changed(empty):
    execute(
        empty,
        "create schema loyalty; create table loyalty.loyalty_cards (id bigint primary key);",
    )
    with pytest.raises(SchemaError, match=r"loyalty_cards\.points_balance should be integer"):
        migrate(empty)
    tables = "select count(*) from information_schema.tables where table_schema = 'loyalty'"
    columns = "select count(*) from information_schema.columns where table_name = 'loyalty_cards'"
    assert (scalar(empty, tables), scalar(empty, columns)) == (1, 1)


def test_rows_that_break_a_rule_are_named_and_the_rule_is_not_left_behind(empty):
    migrate(empty)
    execute(
        empty,
        """
        drop table loyalty.pipeline_version, loyalty.expiration_skips, loyalty.expirations,
            loyalty.expiration_warnings, loyalty.expiration_notices, loyalty.cohort_exports,
            loyalty.expiration_cohort_members, loyalty.expiration_run_programs,
            loyalty.expiration_runs, loyalty.reinstatement_members, loyalty.reinstatements,
            loyalty.reinstatement_skips, loyalty.lifecycle_runs, loyalty.lifecycle_unread,
            loyalty.expiration_forecast_cards, loyalty.points_outlook, loyalty.points_outlook_days,
            loyalty.points_outlook_ages cascade;
        drop view loyalty.mails_naming_a_customer;
        drop sequence loyalty.mail_sender_id_seq;
        drop function loyalty.mail_language, loyalty.warning_occurrence_key,
            loyalty.expiry_occurrence_key, loyalty.lock_customers, loyalty.lock_mailed_cards,
            loyalty.lifecycle_occurrence_key, loyalty.is_pipeline_role,
            loyalty.refuse_change_of_closed_run, loyalty.refuse_rows_of_closed_run,
            loyalty.refuse_second_reinstatement, loyalty.count_point_ages;
        alter table loyalty.loyalty_cards drop constraint loyalty_cards_nothing_negative;
        insert into loyalty.merchants (id, name) values (1, 'M');
        insert into loyalty.customers (id) values (1);
        insert into loyalty.loyalty_programs (id, merchant_id, name) values (1, 1, 'P');
        insert into loyalty.loyalty_cards (program_id, merchant_id, customer_id, card_number,
            points_balance) values (1, 1, 1, 'minus', -5);
        """,
    )
    with pytest.raises(SchemaError, match="loyalty_cards_nothing_negative"):
        migrate(empty)
    left = "select count(*) from pg_constraint where conname = 'loyalty_cards_nothing_negative'"
    assert scalar(empty, left) == 0
    execute(empty, "update loyalty.loyalty_cards set points_balance = 0")
    assert migrate(empty) == VERSION
    assert scalar(empty, left) == 1


def test_run_closed_before_a_migration_keeps_its_fingerprint(empty):
    migrate(empty, "0003_plan_without_card_locks")
    execute(
        empty,
        """
        insert into loyalty.merchants (id, name) values (1, 'M');
        insert into loyalty.customers (id) values (1);
        insert into loyalty.loyalty_programs (id, merchant_id, name) values (1, 1, 'P');
        insert into loyalty.loyalty_cards (id, program_id, merchant_id, customer_id, card_number)
        values (1, 1, 1, 1, 'C');
        insert into loyalty.loyalty_transactions (id, card_id, merchant_id, transaction_type)
        values (1, 1, 1, 'points_expired');
        insert into loyalty.expiration_runs (id, dag_id, dag_run_id, as_of, evaluated_at,
            ledger_id_before, status, closed_at)
        values (1, 'd', 'r', '2026-01-01Z', '2026-01-01Z', 0, 'closed', '2026-01-01Z');
        insert into loyalty.expiration_run_programs (run_id, program_id, merchant_id, today,
            evaluated_on, cutoff_at)
        values (1, 1, 1, '2026-01-01', '2026-01-01', '2026-01-01Z');
        insert into loyalty.expirations values (1, 1, '2025-01-01Z', '2026-01-01', 5, 1);
        update loyalty.expiration_runs set digest = loyalty.run_digest(id);
        """,
    )
    assert migrate(empty) == VERSION
    assert scalar(empty, "select digest = loyalty.run_digest(id) from loyalty.expiration_runs")


def test_the_ledger_refuses_a_second_expiry_of_a_cycle_by_key(engine):
    unique = scalar(
        engine,
        "select pg_get_constraintdef(oid) from pg_constraint"
        " where conname = 'expirations_one_per_cycle'",
    )
    assert unique == "UNIQUE (card_id, cycle_started_at)"


def test_schema_builds_on_the_wheels_older_postgresql(tmp_path_factory):
    home = tmp_path_factory.mktemp("pg16")
    try:
        server = postgres.start(home / "server", durable=False, version=16)
        engine = create_engine(server.url("postgres"))
        assert migrate(engine) == VERSION
        engine.dispose()
    finally:
        postgres.remove(home / "server")


@contextmanager
def machines_own_server(binaries: Path):
    """A throw-away server of the machine's own PostgreSQL, run as the embedded one's account."""
    folder = Path(tempfile.mkdtemp(prefix="points-expiration-"))
    whom = account.account_for(folder)
    if whom:
        os.chown(folder, whom.uid, whom.gid)
    port = ports.free_port()
    data = folder / "data"
    pg_ctl = [binaries / "pg_ctl", "-D", data, "-l", folder / "log"]
    options = (
        f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off"
    )
    initdb = [binaries / "initdb", "-D", data, "-U", "loyalty", "--auth=trust", "-E", "UTF8"]
    try:
        assert account.run(initdb, whom)[0] == 0
        assert account.run([*pg_ctl, "-w", "-o", options, "start"], whom)[0] == 0
        yield f"postgresql+psycopg2://loyalty@127.0.0.1:{port}/postgres"
    finally:
        account.run([*pg_ctl, "-m", "immediate", "stop"], whom)
        shutil.rmtree(folder, ignore_errors=True)


def test_schema_builds_on_postgresql_15():
    found = glob.glob("/usr/lib/postgresql/15/bin/initdb")
    if not found:
        pytest.skip("this machine has no PostgreSQL 15; the wheel's 16 and 18 are tested")
    with machines_own_server(Path(found[0]).parent) as url:
        engine = create_engine(url)
        assert migrate(engine) == VERSION
        assert migrate(engine) == VERSION
        engine.dispose()
