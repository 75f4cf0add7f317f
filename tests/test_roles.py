"""Least privilege: what each role may do, and that a day works for a user who is no superuser."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from psycopg2.errors import InsufficientPrivilege, IntegrityConstraintViolation
from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from include.database import ROLES, connect, require_schema, transaction
from include.errors import ConfigurationError, SchemaError
from include.mail.figures import SendFigures
from include.mail.seeding import seed_templates
from include.mail.sending import send_due
from include.migrations import migrate
from include.reconcile import violations
from tests import factories
from tests.databases import new_database
from tests.day import run_day
from tests.mail.scripted_server import scripted_server
from tests.rows import balance, fingerprint, rows

DAY = "2026-03-02T02:00:00+00:00"
PIPELINE, MAILER, EDITOR, READER = ROLES

# Every one of these would break a promise; no role may do any of them.
FORBIDDEN_TO_ALL = [
    "update loyalty.loyalty_transactions set points_delta = 0",
    "update loyalty.loyalty_transactions set notes = 'x'",
    "delete from loyalty.loyalty_transactions",
    "truncate loyalty.loyalty_transactions cascade",
    "update loyalty.loyalty_cards set last_activity_at = null",
    "update loyalty.loyalty_cards set stamp_count = 0",
    "update loyalty.loyalty_cards set total_points_earned = 0",
    "update loyalty.loyalty_cards set is_active = false",
    "delete from loyalty.loyalty_cards",
    "insert into loyalty.customers default values",
    "update loyalty.customers set email = null",
    "update loyalty.loyalty_programs set points_expiration_days = 1",
    "update loyalty.merchants set is_active = false",
    "delete from loyalty.expirations",
    "update loyalty.expirations set points = 1",
    "delete from loyalty.expiration_cohort_members",
    "update loyalty.expiration_cohort_members set points = 1",
    "update loyalty.expiration_skips set reason = 'locked'",
    "delete from loyalty.expiration_runs",
    "delete from loyalty.expiration_run_programs",
    "delete from loyalty.email_logs",
    "delete from loyalty.lifecycle_runs",
    "update loyalty.lifecycle_unread set first_id = 0",
    "update loyalty.reinstatements set points = 1",
    "drop table loyalty.expiration_runs",
    "create table loyalty.mine (id int)",
]
FORBIDDEN = {
    PIPELINE: [
        "select email from loyalty.customers",
        "select first_name from loyalty.customers",
        "select recipient_email from loyalty.email_logs",
        "update loyalty.email_logs set recipient_email = 'x'",
        "update loyalty.email_templates set subject = 'x'",
    ],
    MAILER: [
        "insert into loyalty.loyalty_transactions (card_id, merchant_id, transaction_type)"
        " values (1, 1, 'points_expired')",
        "update loyalty.loyalty_cards set points_balance = 0",
        "update loyalty.expiration_runs set status = 'closed'",
        "insert into loyalty.email_logs (template_code, language) values ('x', 'en')",
        "update loyalty.email_templates set subject = 'x'",
    ],
    EDITOR: [
        "select 1 from loyalty.loyalty_cards",
        "select 1 from loyalty.customers",
        "select 1 from loyalty.email_logs",
        "delete from loyalty.store_email_templates",
    ],
    READER: [
        "select email from loyalty.customers",
        "select last_name from loyalty.customers",
        "select recipient_email from loyalty.email_logs",
        "update loyalty.email_templates set subject = 'x'",
        "update loyalty.expiration_runs set status = 'closed'",
        "update loyalty.loyalty_cards set points_balance = 0",
        "update loyalty.email_logs set status = 'sent'",
        "select * from loyalty.lock_customers(array[1])",
    ],
}


@pytest.fixture
def ran(engine, at):
    """One card expired by run 1, which is closed."""
    at(DAY)
    factories.card(engine, points=50)
    seed_templates(engine)
    return run_day(engine, DAY)


def is_refused(engine, role, statement):
    try:
        with transaction(engine, role=role) as connection:
            connection.exec_driver_sql(statement)
    except DBAPIError as error:
        return isinstance(error.orig, InsufficientPrivilege)
    return False


@pytest.mark.parametrize("role", ROLES)
def test_role_is_refused_what_it_must_not(engine, role):
    statements = FORBIDDEN_TO_ALL + FORBIDDEN[role]
    assert [each for each in statements if not is_refused(engine, role, each)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "update loyalty.expiration_runs set points_expired = 1",
        "update loyalty.expiration_runs set status = 'open', closed_at = null",
        "update loyalty.expiration_run_programs set points_expired = 1",
        "insert into loyalty.expiration_skips values (1, 'expiry', 1, 'locked', '2026-03-02Z')",
        "insert into loyalty.expiration_cohort_members select run_id, 'warning', card_id,"
        " program_id, merchant_id, cycle_started_at, due_on, usable_until, 3, points"
        " from loyalty.expiration_cohort_members",
    ],
)
def test_closed_run_takes_no_change_from_the_pipeline(engine, ran, statement):
    before = fingerprint(engine)
    with pytest.raises(DBAPIError) as refused, transaction(engine) as connection:
        connection.exec_driver_sql(statement)
    assert isinstance(refused.value.orig, IntegrityConstraintViolation)
    assert fingerprint(engine) == before


def test_expiry_is_marked_as_given_back_once(engine, ran):
    mark = "update loyalty.expirations set reinstated_by = 1"
    with transaction(engine) as connection:
        connection.exec_driver_sql(mark)
    with pytest.raises(DBAPIError) as refused, transaction(engine) as connection:
        connection.exec_driver_sql(mark)
    assert isinstance(refused.value.orig, IntegrityConstraintViolation)


def test_roles_cannot_log_in_and_are_no_superusers(engine):
    statement = """
        select rolname from pg_roles
        where rolname like 'loyalty\\_%%' and (rolcanlogin or rolsuper or rolcreaterole)
    """
    assert rows(engine, statement) == []


@contextmanager
def login(engine: Engine, attributes: str) -> Iterator[tuple[str, str]]:
    """A user of the cluster without further rights; dropped with what it owns."""
    name, password = f"till_{secrets.token_hex(4)}", secrets.token_hex(8)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(f"create role {name} login password '{password}' {attributes}")
    try:
        yield name, password
    finally:
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql(f"drop role {name}")


@contextmanager
def owned_database(engine: Engine, attributes: str) -> Iterator[Engine]:
    """An empty database of a new user's own."""
    with login(engine, attributes) as (name, password), new_database(engine.url) as url:
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql(f"alter database {url.database} owner to {name}")
        own = create_engine(url.set(username=name, password=password), poolclass=NullPool)
        yield own
        own.dispose()


def play_a_day(engine, at):
    at(DAY)
    card = factories.card(engine, points=50)
    factories.card(engine, points=20, last_activity_at="2025-03-10T12:00:00+00:00")
    seed_templates(engine)
    run_day(engine, DAY)
    with scripted_server() as server:
        sent = send_due(engine, server.as_mail_server(), named_ids=None)
    assert sent == SendFigures(sent=2)
    assert balance(engine, card) == 0
    assert violations(engine, None) == []


def test_whole_day_works_for_an_owner_who_is_no_superuser(engine, at):
    with owned_database(engine, "createrole") as own:
        administration = engine.execution_options(isolation_level="AUTOCOMMIT")
        with administration.connect() as connection:
            # An administrator lent the roles; another database made them before.
            connection.exec_driver_sql(f"grant {', '.join(ROLES)} to {own.url.username}")
        migrate(own)
        play_a_day(own, at)


def test_two_databases_of_a_cluster_share_the_roles_and_nothing_else(engine, empty_database, at):
    migrate(empty_database)
    play_a_day(empty_database, at)
    assert rows(engine, "select count(*) from loyalty.loyalty_cards") == [(0,)]


def test_migration_without_the_right_to_lend_roles_says_what_to_do(engine):
    with owned_database(engine, "") as own:
        with pytest.raises(SchemaError, match="Let an administrator run: create role") as refused:
            migrate(own)
        assert f"to {own.url.username};" in str(refused.value)
        with pytest.raises(SchemaError, match="make migrate"):
            require_schema(own)


def test_migration_of_somebody_elses_tables_says_who_has_to_run_it(engine):
    with owned_database(engine, "") as own:
        administration = create_engine(engine.url.set(database=own.url.database))
        with administration.begin() as connection:
            connection.exec_driver_sql("create schema loyalty")
            connection.exec_driver_sql("create table loyalty.customers (id bigint primary key)")
            connection.exec_driver_sql(f"grant all on schema loyalty to {own.url.username}")
        administration.dispose()
        with pytest.raises(SchemaError, match="as their owner"):
            migrate(own)


def test_user_without_the_roles_is_told_what_to_grant(engine, at):
    at(DAY)
    with login(engine, "") as (name, password):
        url = engine.url.set(username=name, password=password)
        stranger = connect(url.render_as_string(hide_password=False))
        with pytest.raises(ConfigurationError, match=f"grant .* to {name};"), transaction(stranger):
            pass
        stranger.dispose()
