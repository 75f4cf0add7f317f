"""An embedded Airflow for the tests that need the real scheduler: started once a module."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from include.embedded import postgres
from tests.rows import execute
from tests.scheduler.embedded_airflow import EmbeddedAirflow, latest_run_instant
from tests.scheduler.members import cards_due, program_of_a_year

SETTINGS = {
    "LOYALTY_CHUNK_SIZE": "2",
    "LOYALTY_TASK_RETRIES": "0",
    # Airflow's pauses between two looks are made for hours: a second each, and five at a task.
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    # No file of a DAG changes.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
}
# Five seconds each: the run is under way long enough to be stopped, on a busy machine too.
HELD_BY_A_TILL = 40


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAirflow]:
    """Airflow with a start date two days before the last run, on a platform that was there first.

    Last night's run meets a card whose expiry the database refuses.
    """
    airflow = EmbeddedAirflow(tmp_path_factory.mktemp("scheduler") / "state", latest_run_instant())
    try:
        airflow.call("migrate")
        _enrol(airflow)
        start_date = (airflow.last - timedelta(days=2)).date().isoformat()
        airflow.call("up", LOYALTY_START_DATE=start_date, **SETTINGS)
        yield airflow
    finally:
        airflow.loyalty.dispose()
        airflow.metadata.dispose()
        airflow.call("down")
        postgres.remove(airflow.folder / "postgres")


def _enrol(airflow: EmbeddedAirflow) -> None:
    with airflow.loyalty.begin() as connection:
        program = program_of_a_year(connection, "Nights")
        for before in (9, 3, 2):
            cards_due(connection, program, airflow.date(before), 2, f"due{before}")
        cards_due(connection, program, airflow.date(1), 4, "free")
        (refused,) = cards_due(connection, program, airflow.date(1), 1, "refused")
        cards_due(connection, program, airflow.date(1), HELD_BY_A_TILL, "till")
        for after in (12, 13, 14):
            cards_due(connection, program, airflow.date(-after), 2, f"warned{after}")
    execute(
        airflow.loyalty,
        f"""
        alter table loyalty.loyalty_transactions add constraint trouble
        check (card_id <> {refused} or transaction_type <> 'points_expired') not valid
        """,
    )
