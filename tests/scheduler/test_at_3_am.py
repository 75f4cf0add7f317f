"""What docs/at-3-am.md promises, typed as it stands there, on the real scheduler.

One night's troubles come one after the other; the cards of each test are its own.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from include.inbox.reading import read_maildir
from include.mail.seeding import seed_templates
from include.reconcile import violations
from tests.faults.books import SHARED, books, differences
from tests.faults.whole_day import WholeDay
from tests.mail.scripted_server import scripted_server
from tests.rows import execute, fingerprint, rows
from tests.scheduler import page
from tests.scheduler.conftest import HELD_BY_A_TILL
from tests.scheduler.embedded_airflow import DAG, EmbeddedAirflow
from tests.scheduler.members import cards_due, program_of_a_year

LOOK = "First look"
DOWN = "The DAG was down for nine days"
FAILED = "This run failed half-way"
STOP = "Stop everything now"
AGAIN = "A day must be re-run"
MAIL = "The mail server was down"
HELD = "A program is held"
MISTAKE = "Points were taken by mistake"

# Last night's cards: four free ones, the refused one, and the till's.
PLANNED = 4 + 1 + HELD_BY_A_TILL


def typed(airflow: EmbeddedAirflow, heading: str, number: int) -> str:
    """Type a block of the page; return what it printed."""
    return airflow.shell(page.on(airflow.date(0), page.sections()[heading][number]))


def test_every_block_of_the_page_is_typed_by_a_test():
    calls = re.findall(r"typed\(\w+, ([A-Z]+), (\d)\)", Path(__file__).read_text())
    assert {(globals()[heading], int(number)) for heading, number in calls} == {
        (heading, number)
        for heading, blocks in page.sections().items()
        for number in range(len(blocks))
    }


def with_points(airflow: EmbeddedAirflow, *names: str) -> dict[str, int]:
    """Return how many cards of each group still have points."""
    statement = """
        select count(*) filter (where points_balance > 0)
        from loyalty.loyalty_cards where card_number like %(name)s || '/%%'
    """
    return {name: rows(airflow.loyalty, statement, name=name)[0][0] for name in names}


def mails(airflow: EmbeddedAirflow, template: str, name: str) -> list[int]:
    """Return how many mails of one kind each customer of a group got who got any."""
    arrived = Counter(
        mail.recipient
        for mail in read_maildir(airflow.folder / "inbox")
        if mail.template == template and mail.recipient.startswith(name)
    )
    return list(arrived.values())


def attempts(airflow: EmbeddedAirflow, dag_run_id: str) -> list[tuple[int, str, int, int]]:
    """Return attempt, status, cards planned and cards expired of a DAG run."""
    statement = """
        select attempt, status, expiry_cards_planned, cards_expired from loyalty.expiration_runs
        where dag_run_id = %(dag_run_id)s order by attempt
    """
    return rows(airflow.loyalty, statement, dag_run_id=dag_run_id)


@pytest.fixture(scope="module")
def caught_up(airflow: EmbeddedAirflow) -> EmbeddedAirflow:
    typed(airflow, DOWN, 0)
    for before, state in ((2, "success"), (1, "success"), (0, "failed")):
        airflow.wait_for_run(airflow.run_id(before), state)
    return airflow


def test_missed_days_run_by_themselves_each_in_its_turn(caught_up):
    # The first takes what was due before it too, each later one what its own day adds.
    assert attempts(caught_up, caught_up.run_id(2)) == [(1, "closed", 4, 4)]
    assert attempts(caught_up, caught_up.run_id(1)) == [(1, "closed", 2, 2)]
    assert with_points(caught_up, "due9", "due3", "due2") == {"due9": 0, "due3": 0, "due2": 0}
    for name in ("due9", "due3", "due2"):
        assert mails(caught_up, "loyalty_points_expired", name) == [1, 1]
    for name in ("warned12", "warned13", "warned14"):
        assert mails(caught_up, "loyalty_points_expiring", name) == [1, 1]


def test_all_is_well_and_the_look_names_the_open_run(caught_up):
    seen = typed(caught_up, LOOK, 0)
    assert "All is well." in seen
    assert re.search(rf"{re.escape(caught_up.run_id(0))} \| +1 \| daily +\| open", seen)


def test_three_days_at_once_end_like_the_last_one_alone(caught_up, other_engine, tmp_path):
    for engine in (caught_up.loyalty, other_engine):
        with engine.begin() as connection:
            program = program_of_a_year(connection, "Three")
            for before in (6, 5, 4, -8):
                cards_due(connection, program, caught_up.date(before), 2, f"three{before}")
    typed(caught_up, DOWN, 1)
    run_ids = [caught_up.run_id(before, "backfill") for before in (5, 4, 3)]
    for run_id in run_ids:
        caught_up.wait_for_run(run_id)

    seed_templates(other_engine)
    with scripted_server() as post:
        last_of_three = caught_up.last - timedelta(days=3)
        WholeDay(last_of_three, "last", tmp_path, post.as_mail_server())(other_engine)
    found, wanted = (
        {
            name: [row for row in written if str(row[0]).startswith("three")]
            for name, written in books(engine).items()
        }
        for engine in (caught_up.loyalty, other_engine)
    )
    assert len(wanted["expirations"]) == 6
    assert len(wanted["warnings"]) == 2
    assert differences(found, wanted, *SHARED) == []
    assert mails(caught_up, "loyalty_points_expired", "three") == [1] * 6
    starts, ends = zip(*caught_up.times(run_ids), strict=True)
    assert max(starts) < min(ends), "they did not run at once"


def test_failed_run_shows_its_red_task_and_how_far_it_came(caught_up):
    states = typed(caught_up, FAILED, 0)
    assert re.search(r"expiry\.expire_points *\| failed", states)
    assert re.search(rf"\| expiry *\| +{PLANNED} \| +4\n", typed(caught_up, FAILED, 1))
    assert with_points(caught_up, "free", "refused", "till") == {
        "free": 0,
        "refused": 1,
        "till": HELD_BY_A_TILL,
    }


@pytest.fixture(scope="module")
def stopped(caught_up: EmbeddedAirflow) -> EmbeddedAirflow:
    """Last night's run repaired, started again, and stopped while it waits for a till."""
    execute(caught_up.loyalty, "alter table loyalty.loyalty_transactions drop constraint trouble")
    with caught_up.application() as till:
        till.exec_driver_sql(
            "select from loyalty.loyalty_cards where card_number like 'till/%%' for update"
        )
        typed(caught_up, FAILED, 2)
        caught_up.wait_until(
            "the chunks before the till's cards",
            lambda: not with_points(caught_up, "refused")["refused"],
        )
        assert caught_up.run_id(0) in typed(caught_up, STOP, 0)
        typed(caught_up, STOP, 1)
        caught_up.wait_until("the task's end", lambda: not caught_up.sessions_at_work())
    return caught_up


def test_stopped_run_leaves_whole_cards_and_does_not_start_again(stopped):
    assert "(0 rows)" in typed(stopped, STOP, 2)
    assert stopped.task_states(stopped.run_id(0), "expiry.expire_points") == [None]
    assert with_points(stopped, "refused", "till") == {"refused": 0, "till": HELD_BY_A_TILL}
    assert violations(stopped.loyalty, None) == []
    assert attempts(stopped, stopped.run_id(0))[-1][:2] == (1, "open")


@pytest.fixture(scope="module")
def went_on(stopped: EmbeddedAirflow) -> EmbeddedAirflow:
    """The stopped run gone on by itself, while no mail server listens."""
    stopped.close_mail_server()
    typed(stopped, STOP, 3)
    stopped.wait_for_run(stopped.run_id(0), "failed")
    return stopped


def test_stopped_run_goes_on_with_what_is_left(went_on):
    ((attempt, status, planned, expired),) = attempts(went_on, went_on.run_id(0))
    # Some of the till's cards may have been passed over for good before the run was stopped.
    locked = with_points(went_on, "till")["till"]
    assert (attempt, status, planned, expired) == (1, "closed", PLANNED, PLANNED - locked)
    assert locked < HELD_BY_A_TILL


def test_mails_wait_for_their_server_and_go_once(went_on):
    seen = typed(went_on, MAIL, 0)
    assert re.search(r"loyalty_points_expired *\| queued *\| +[1-9]", seen)
    assert "failed" not in seen
    assert mails(went_on, "loyalty_points_expired", "till") == []
    went_on.open_mail_server()
    typed(went_on, MAIL, 1)
    went_on.wait_for_run(went_on.run_id(0))
    assert mails(went_on, "loyalty_points_expired", "free") == [1] * 3
    assert mails(went_on, "loyalty_points_expired", "refused") == [1]
    arrived = mails(went_on, "loyalty_points_expired", "till")
    assert arrived
    assert set(arrived) == {1}


def test_day_that_is_run_again_reports_zeros_and_a_task_of_a_closed_run_changes_nothing(caught_up):
    run_id = caught_up.run_id(1)
    typed(caught_up, AGAIN, 0)
    caught_up.wait_for_run(run_id)
    assert attempts(caught_up, run_id) == [(1, "closed", 2, 2), (2, "closed", 0, 0)]
    assert len(re.findall(r"\| closed \|", typed(caught_up, AGAIN, 1))) == 2

    before = fingerprint(caught_up.loyalty)
    caught_up.clear_task(run_id, "expiry.expire_points")
    caught_up.wait_for_run(run_id)
    assert caught_up.tries(run_id, "expiry.expire_points") == 3
    assert fingerprint(caught_up.loyalty) == before


def test_backwards_and_the_same_day_by_two_ways_expire_each_card_once(caught_up):
    with caught_up.loyalty.begin() as connection:
        program = program_of_a_year(connection, "Backwards")
        for before in (10, 9):
            cards_due(connection, program, caught_up.date(before), 3, f"back{before}")
    caught_up.wait_until("the last backfill's end", caught_up.takes_backfills)
    typed(caught_up, DOWN, 2)
    as_of = (caught_up.last - timedelta(days=8)).isoformat()
    same_day = caught_up.trigger(conf={"as_of": as_of})
    a_day_late = (caught_up.last - timedelta(hours=23)).isoformat()
    dated = caught_up.trigger(logical_date=a_day_late)
    run_ids = [caught_up.run_id(8, "backfill"), caught_up.run_id(9, "backfill"), same_day, dated]
    for run_id in run_ids:
        caught_up.wait_for_run(run_id)
    (newest, _), (oldest, _), *_ = caught_up.times(run_ids)
    assert newest < oldest
    assert with_points(caught_up, "back10", "back9") == {"back10": 0, "back9": 0}
    assert mails(caught_up, "loyalty_points_expired", "back") == [1] * 6
    assert sum(expired for each in run_ids for *_, expired in attempts(caught_up, each)) == 6
    stood_for = (
        "select as_of from loyalty.expiration_runs where dag_run_id = any(%(ids)s) order by id"
    )
    assert [
        day.isoformat() for (day,) in rows(caught_up.loyalty, stood_for, ids=[same_day, dated])
    ] == [as_of, a_day_late]


def test_one_run_for_everything_holds_a_program_until_a_person_approves(caught_up):
    with caught_up.loyalty.begin() as connection:
        program = program_of_a_year(connection, "Held", size_check_cards=3)
        cards_due(connection, program, caught_up.date(1), 5, "held")
    typed(caught_up, DOWN, 3)
    run_id = caught_up.latest_run_id(DAG)
    caught_up.wait_for_run(run_id)
    assert with_points(caught_up, "held") == {"held": 5}
    seen = typed(caught_up, HELD, 0)
    daily, named = re.search(rf"(\d+) \| +({program}) \| Held \| +5 \|", seen).groups()
    assert f"held__{daily}__{named}" in seen

    held_run_id = f"held__{daily}__{named}"
    asked = caught_up.approve("loyalty_held_expirations", held_run_id)
    assert "5 cards" in asked
    caught_up.wait_for_run(held_run_id, dag_id="loyalty_held_expirations")
    assert with_points(caught_up, "held") == {"held": 0}


def test_points_taken_by_mistake_come_back_after_an_approval(caught_up):
    assert with_points(caught_up, "due2") == {"due2": 0}
    typed(caught_up, MISTAKE, 0)
    run_id = caught_up.latest_run_id("loyalty_points_reinstatement")
    asked = caught_up.approve("loyalty_points_reinstatement", run_id)
    assert "2 cards" in asked
    caught_up.wait_for_run(run_id, dag_id="loyalty_points_reinstatement")
    assert with_points(caught_up, "due2") == {"due2": 2}
    assert len(re.findall(r" due2/\d ", typed(caught_up, MISTAKE, 1))) == 2


def test_after_all_that_the_books_add_up(caught_up):
    assert violations(caught_up.loyalty, None) == []
