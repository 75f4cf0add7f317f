"""The benchmark compares like with like: every way of expiring leaves the same rows."""

from __future__ import annotations

from functools import partial

import pytest
from airflow.dag_processing.dagbag import DagBag

from include.database import CHUNK, SELECTION, transaction
from include.settings import PROJECT_ROOT
from tests.bench import expiry, pages, plans, scaling, scheduler, tuning
from tests.bench.baselines import floor, orm_loop
from tests.bench.figures import Figure, measure, ratio, worst
from tests.bench.place import AS_OF, Size, open_place
from tests.rows import rows
from tests.scheduler.embedded_airflow import DAG

SIZE = Size(cards_total=600, due_total=30, near_total=10, programs_total=5)
BOOKS = """
    select
        (select sum(points_balance) from loyalty.loyalty_cards),
        (select sum(total_points_voided) from loyalty.loyalty_cards),
        (select sum(points_delta) from loyalty.loyalty_transactions),
        (select count(*) from loyalty.expirations),
        (select sum(points) from loyalty.expiration_cohort_members),
        (select count(*) from loyalty.email_logs where variables ->> 'inactivity_days' = '365')
"""
CHOSEN = {
    "fillfactor 85 on the cards": ("r", ["fillfactor=85"], "off"),
    "wal_compression = pglz": ("r", None, "pglz"),
    "ledger cut by month": ("p", None, "off"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    folder.chmod(0o755)
    with open_place(folder / "postgres") as place:
        yield place


@pytest.fixture
def place(server, monkeypatch):
    """The benchmark's server, at its platforms' noon."""
    monkeypatch.setenv("LOYALTY_NOW", AS_OF.isoformat())
    return server


def test_every_way_of_expiring_leaves_the_same_books(place):
    platform = place.filled(SIZE)
    contest = expiry.prepare(place, platform)
    ways = {
        "pipeline": partial(expiry.expire, connections=2),
        "floor": partial(floor.write, rows=contest.rows),
        "ORM loop": orm_loop.expire,
    }
    left = {}
    for name, way in ways.items():
        with place.copy(platform) as engine:
            way(engine, expiry.open_run(engine))
            (left[name],) = rows(engine, BOOKS)
    assert left["pipeline"][3] == SIZE.due_total
    # What was there, less what expired, is what is left.
    assert left["pipeline"][0] == left["pipeline"][2]
    assert left["floor"] == left["ORM loop"] == left["pipeline"]


def test_ratio_is_of_medians_and_tells_its_spread():
    turns = iter([1.0, 2.0, 2.0, 4.0, 3.0, 12.0])
    samples = measure({"floor": lambda: next(turns), "ours": lambda: next(turns)}, rounds=3)
    figure = ratio("ours ÷ floor", samples, "ours", "floor", target=1.3)
    # Medians 4 and 2; the rounds' own ratios are 2, 2 and 4.
    assert (figure.value, figure.low, figure.high) == (2, 2, 4)
    assert not figure.is_met


def test_what_must_not_happen_is_judged_by_the_worst_round():
    assert worst("wrong balances", [0, 0, 0]).is_met
    assert not worst("wrong balances", [0, 3, 0]).is_met


@pytest.mark.parametrize(("value", "is_met"), [(0.84, False), (0.85, True), (0.86, True)])
def test_target_may_be_a_least_value(value, is_met):
    assert Figure("export", value, value, value, target=0.85, sense=">=").is_met is is_met


def test_history_is_what_runs_leave_and_every_page_shows_it(place):
    platform = place.filled(Size(cards_total=3_000, due_total=3, programs_total=5))
    with place.copy(platform) as engine, pages.visitor(engine) as client:
        for path in pages.addresses(engine).values():
            assert client.get(path).status_code in (200, 303), path
        # One card in a thousand expired with each run, two were warned; none that is due now.
        assert rows(
            engine,
            """
            select count(*), min(cards_expired), max(cards_expired), min(warning_cards_queued)
            from loyalty.expiration_runs
            """,
        ) == [(90, 2, 3, 6)]
        last = pages.addresses(engine)["run"]
        assert "The report equals the ledger." in client.get(last).text
        assert '"value":null' not in client.get("/").text.replace("&#34;", '"')


def test_cut_platform_and_replica_are_measured(place):
    cut, behind, log = scaling.figures(place, cards=1_000, rounds=1)
    assert min(cut.value, behind.value) > 0
    # A card's rows and their index entries, and the pages they lie on.
    assert 1 < log.value < 1_000


def test_what_the_application_may_choose_changes_no_books(place):
    left = {}
    for name, choice in tuning.CHOICES.items():
        if choice.script or name == tuning.AS_IT_IS:
            with tuning.opened(place, SIZE, choice) as engine:
                expiry.expire(engine, expiry.open_run(engine), connections=1)
                left[name] = rows(engine, BOOKS)
                made = rows(
                    engine,
                    """
                    select
                        (select relkind from pg_class where relname = 'loyalty_transactions'),
                        (select reloptions from pg_class where relname = 'loyalty_cards'),
                        current_setting('wal_compression')
                    """,
                )
                assert made == [CHOSEN.get(name, ("r", None, "off"))]
    assert len(left) == 4
    assert len({str(books) for books in left.values()}) == 1


def test_choice_for_the_sessions_holds_in_every_transaction(place):
    choice = tuning.Choice(session={"work_mem": "5MB", "jit": "on"})
    asked = "select current_setting('work_mem'), current_setting('jit')"
    with tuning.opened(place, SIZE, choice) as engine:
        for limits in (SELECTION, CHUNK):
            with transaction(engine, limits) as connection:
                assert connection.exec_driver_sql(asked).one() == ("5MB", "on")
    with transaction(place.engine(place.filled(SIZE)), SELECTION) as connection:
        assert connection.exec_driver_sql(asked).one() == ("64MB", "off")


def test_empty_tasks_form_the_graph_of_the_daily_dag():
    real = DagBag(PROJECT_ROOT / "dags").dags[DAG]
    empty = DagBag(scheduler.EMPTY_TASKS.parent).dags[scheduler.EMPTY_TASKS.stem]
    assert len(real.tasks) > 10
    assert {task.task_id: shape(task) for task in empty.tasks} == {
        task.task_id: shape(task) for task in real.tasks
    }
    assert work(empty) == {"answer_at_once"}
    assert "answer_at_once" not in work(real)


def shape(task):
    """Return what the scheduler decides a task's turn by, and its edges."""
    edges = (task.upstream_task_ids, task.downstream_task_ids)
    return (*edges, task.is_mapped, task.trigger_rule, task.retries, task.pool, task.queue)


def work(dag):
    """Return the names of the functions that the tasks of a DAG call."""
    functions = (getattr(task, "python_callable", None) for task in dag.tasks)
    return {function.__name__ for function in functions if function}


def test_no_statement_of_a_day_compares_everything_with_everything(place):
    """Four times the cards of four times the programs may take four times the rows, not sixteen.

    Statistics know the platform's past and not its newest run, as on a live platform: of that run
    the planner expects next to nothing.
    """
    few = plans.plans_of_a_day(place, Size(10_000, 200, 200, programs_total=20))
    many = plans.plans_of_a_day(place, Size(10_000, 800, 800, programs_total=80))
    assert {"close_run/02", "check_size/01", "keep_forecast/01", "checks/16"} < set(many)
    grown = {
        name: (few[name].rows, plan.rows)
        for name, plan in many.items()
        if name in few and plan.rows > 8 * few[name].rows + 10_000
    }
    assert grown == {}


# What reads every card or every expiry on purpose, beside the day's work.
OF_ALL_CARDS = ("select_late_activity", "keep_outlook")


def test_a_day_handles_no_more_rows_for_a_longer_past(place):
    """Four times the cards have four times the past; the cohorts are the same."""
    short = plans.plans_of_a_day(place, Size(10_000, 200, 200, programs_total=20))
    long = plans.plans_of_a_day(place, Size(40_000, 200, 200, programs_total=20))
    grown = {
        name: (short[name].rows, plan.rows)
        for name, plan in long.items()
        if name in short
        and not name.startswith(OF_ALL_CARDS)
        and plan.rows > 2 * short[name].rows + 5_000
    }
    assert grown == {}
