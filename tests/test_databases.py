"""A database that was emptied cannot be told from a new one; where it could, it is dropped."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from include.database import connect
from tests import factories
from tests.databases import Databases
from tests.day import run_day
from tests.rows import execute, rows

AS_OF = "2026-03-01T02:00:00+00:00"
SEQUENCES = """
    select sequencename, last_value from pg_sequences where schemaname = 'loyalty' order by 1
"""
TABLES = "select tablename from pg_tables where schemaname = 'loyalty' order by 1"


@pytest.fixture
def kept(template_url):
    databases = Databases(template_url)
    yield databases
    databases.close()


def name_of(engine):
    return rows(engine, "select current_database()")[0][0]


def contents(engine):
    tables = [name for (name,) in rows(engine, TABLES)]
    select = "select each::text from loyalty.{} as each"
    found = {name: rows(engine, select.format(name)) for name in tables}
    return found | {"sequences": rows(engine, SEQUENCES)}


def borrow(kept, work=lambda _engine: None):
    with kept.lent() as engine:
        work(engine)
        return name_of(engine)


def play_a_day(engine):
    factories.card(engine, points=50)
    run_day(engine, AS_OF)
    assert rows(engine, "select count(*) from loyalty.expirations") == [(1,)]


def test_a_database_that_a_day_filled_is_lent_again_as_if_it_were_new(kept, at):
    at(AS_OF)
    with kept.lent() as new:
        expected = contents(new)
        used = borrow(kept, play_a_day)
        with kept.lent() as again:
            assert name_of(again) == used != name_of(new)
            assert contents(again) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "create table loyalty.mine (id int)",
        "alter table loyalty.loyalty_cards drop constraint loyalty_cards_nothing_negative",
        "alter table loyalty.loyalty_programs alter is_active drop not null",
        "grant update on loyalty.loyalty_transactions to loyalty_pipeline",
        "create or replace function loyalty.is_time_zone(zone_name text) returns boolean"
        " language sql as 'select true'",
        "alter table loyalty.loyalty_cards disable trigger all",
        "insert into loyalty.merchants (name) values ('A'); analyze loyalty.merchants",
        "insert into loyalty.merchants (name)"
        " select repeat(md5(each::text), 8) from generate_series(1, 20000) as each",
    ],
)
def test_a_database_in_which_more_than_rows_changed_is_dropped(kept, statement):
    used = borrow(kept, lambda engine: execute(engine, statement))
    assert borrow(kept) != used


def test_a_database_that_somebody_is_still_in_is_dropped(kept):
    with kept.lent() as engine:
        used = name_of(engine)
        stranger = connect(engine.url.render_as_string(hide_password=False)).connect()
    assert borrow(kept) != used
    stranger.invalidate()


def test_a_database_whose_borrower_still_has_a_session_is_dropped(kept):
    with kept.lent() as engine:
        used = name_of(engine)
        held = engine.connect()
    assert borrow(kept) != used
    held.invalidate()


def test_nothing_that_a_session_was_told_outlives_its_borrower(kept):
    with kept.lent() as engine:
        used = name_of(engine)
        execute(engine, "set timezone = 'Asia/Tokyo'; create temp table left_behind ()")
        execute(engine, "select pg_advisory_lock(7)")
        event.listen(engine, "before_cursor_execute", pytest.fail)
    with kept.lent() as engine:
        assert name_of(engine) == used
        assert rows(engine, "select to_regclass('pg_temp.left_behind')") == [(None,)]
        assert rows(engine, "select from pg_locks where locktype = 'advisory'") == []
        with engine.connect() as connection:
            assert connection.exec_driver_sql("show timezone").scalar_one() != "Asia/Tokyo"
