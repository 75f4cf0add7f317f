"""Sessions plan a marked statement once in a while, and nobody who runs it can tell."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from include.database import connect
from include.prepared import MARK

MARKED = f"""-- Tells what it is given; 5 %% of it.{MARK}for this test.
select
    %(ids)s::bigint[] as ids,
    %(word)s::text as word,
    %(nothing)s::date as nothing,
    %(word)s::text || '%%' as word_again
"""
BINDS = {"ids": [3, 1], "word": "it's", "nothing": None}
PLANNED = """
    select statement, generic_plans, custom_plans from pg_prepared_statements
    where name like 'loyalty%%'
"""


@pytest.fixture
def session(engine):
    own = connect(engine.url.render_as_string(hide_password=False))
    with own.connect() as connection:
        yield connection
    own.dispose()


def test_marked_statement_answers_as_any_other(session):
    expected = ([3, 1], "it's", None, "it's%")
    assert session.exec_driver_sql(MARKED, BINDS).one() == expected
    assert session.exec_driver_sql(MARKED.replace(MARK, " "), BINDS).one() == expected


def test_lists_of_words_and_empty_lists_are_bound_as_well(session):
    words = MARKED.replace("bigint[]", "text[]")
    odd = ["a,b", 'c"d', "{e}", "f\\g"]
    assert session.exec_driver_sql(words, BINDS | {"ids": odd}).scalar_one() == odd
    assert session.exec_driver_sql(MARKED, BINDS | {"ids": []}).scalar_one() == []


def test_session_plans_at_the_first_second_third_fifth_and_ninth_time(session):
    seen = []
    for _ in range(10):
        session.exec_driver_sql(MARKED, BINDS)
        ((statement, generic, custom),) = session.exec_driver_sql(PLANNED).all()
        assert statement.startswith("prepare loyalty_")
        seen.append(generic + custom)
    assert seen == [1, 1, 1, 2, 1, 2, 3, 4, 1, 2]


def test_session_knows_its_plans_after_a_rollback(session):
    session.exec_driver_sql(MARKED, BINDS)
    session.rollback()
    for _ in range(3):
        assert session.exec_driver_sql(MARKED, BINDS).scalar_one() == [3, 1]


def test_session_recovers_from_a_plan_that_could_not_be_made_anew(engine, session):
    counting = f"-- Counts cards.{MARK}for this test.\nselect count(*) from loyalty.loyalty_cards\n"
    session.exec_driver_sql(counting)
    session.commit()
    with engine.begin() as migrating:
        migrating.exec_driver_sql("lock table loyalty.loyalty_cards in access exclusive mode")
        session.exec_driver_sql("set local lock_timeout = '50ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            session.exec_driver_sql(counting)
        session.rollback()
    for _ in range(5):
        assert session.exec_driver_sql(counting).scalar_one() == 0


def test_statement_that_was_changed_is_another_one(session):
    session.exec_driver_sql(MARKED, BINDS)
    changed = MARKED.replace("as ids", "|| 7::bigint as ids")
    assert session.exec_driver_sql(changed, BINDS).scalar_one() == [3, 1, 7]


def test_what_is_built_around_a_marked_statement_runs_as_it_is(session):
    session.exec_driver_sql("explain " + MARKED, BINDS)
    assert session.exec_driver_sql(PLANNED).all() == []


def test_server_shows_what_a_prepared_statement_does(session):
    asking = MARKED.replace("%(word)s::text as word", "current_query() as word", 1)
    shown = session.exec_driver_sql(asking, BINDS).one().word
    assert shown.startswith("/* Tells what it is given; 5 % of it. */ execute loyalty_")
