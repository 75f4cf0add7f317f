"""A day with nothing due on a warm scheduler, against the same graph with empty tasks."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from include.commands.up import DAGS
from include.embedded import postgres
from tests.bench.figures import Figure, measure, ratio
from tests.bench.place import AS_OF, Place
from tests.scheduler.embedded_airflow import DAG, EmbeddedAirflow, latest_run_instant
from tests.scheduler.members import cards_due, program_of_a_year

EMPTY_TASKS = Path(__file__).with_name("dags") / "empty_tasks.py"
LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
PROGRAMS_TOTAL = 5
CARDS_OF_A_PROGRAM = 20
# Long after the last warning of a program of a year.
DUE_ON = (AS_OF + timedelta(days=200)).date()

Instances = list[tuple[str, int]]


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Start Airflow as `make up` does, run both DAGs once uncounted, then in turn."""
    del place, cards
    dags = {"nothing due": DAG, "empty tasks": EMPTY_TASKS.stem}
    seen: list[Instances] = []
    with _airflow() as airflow:
        ways = {name: lambda dag=dag: _seconds(airflow, dag, seen) for name, dag in dags.items()}
        measure(ways, 1)
        samples = measure(ways, rounds)
    if any(instances != seen[0] for instances in seen):
        raise RuntimeError(f"The runs did not have the same task instances: {seen}")
    title = "a day with nothing due on a warm scheduler ÷ the same graph with empty tasks"
    told = f"seconds, {len(seen[0])} task instances"
    return [ratio(title, samples, "nothing due", "empty tasks", target=1.5, note=told)]


@contextmanager
def _airflow() -> Iterator[EmbeddedAirflow]:
    """Yield Airflow with the benchmark's DAG beside the others, nothing of which is scheduled."""
    with tempfile.TemporaryDirectory(prefix="loyalty-bench-") as folder:
        Path(folder).chmod(0o755)
        airflow = EmbeddedAirflow(Path(folder) / "state", latest_run_instant())
        try:
            airflow.call("migrate")
            _enrol(airflow)
            airflow.call("up", **_settings())
            for dag_id in DAGS:
                airflow.pause(dag_id, dag_id != DAG)
            airflow.pause(EMPTY_TASKS.stem, False)
            yield airflow
        finally:
            airflow.loyalty.dispose()
            airflow.call("down")
            postgres.remove(airflow.folder / "postgres")


def _settings() -> dict[str, str]:
    bundles: list[dict[str, Any]] = [
        {"name": "dags-folder", "classpath": LOCAL, "kwargs": {}},
        {"name": "bench", "classpath": LOCAL, "kwargs": {"path": str(EMPTY_TASKS.parent)}},
    ]
    return {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "LOYALTY_NOW": AS_OF.isoformat(),
        # After the last tick of the schedule: what runs is what is triggered here.
        "LOYALTY_START_DATE": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _enrol(airflow: EmbeddedAirflow) -> None:
    with airflow.loyalty.begin() as connection:
        for number in range(PROGRAMS_TOTAL):
            program = program_of_a_year(connection, f"Program {number}")
            cards_due(connection, program, DUE_ON, CARDS_OF_A_PROGRAM, f"later{number}")


def _seconds(airflow: EmbeddedAirflow, dag_id: str, seen: list[Instances]) -> float:
    """Run a DAG and return how long Airflow says it took; its task instances go to `seen`."""
    run_id = airflow.trigger(dag_id=dag_id, conf={"as_of": AS_OF.isoformat()})
    airflow.wait_until(
        f"{run_id} of {dag_id} to end", lambda: airflow.run(dag_id, run_id)["end_date"]
    )
    run, instances = airflow.run(dag_id, run_id), airflow.instances(dag_id, run_id)
    unwell = [each["task_id"] for each in instances if each["state"] not in ("success", "skipped")]
    if run["state"] != "success" or unwell:
        raise RuntimeError(f"{run_id} of {dag_id} is {run['state']}; not well: {unwell}")
    seen.append(sorted((each["task_id"], each["map_index"]) for each in instances))
    return float(run["duration"])
