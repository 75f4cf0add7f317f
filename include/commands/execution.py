"""Executes one DAG run in this process by Airflow itself, and tells how each task fared."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from include.errors import ConfigurationError

# What waits for a person would wait for ever here.
WAITING_DAGS = ("loyalty_held_expirations", "loyalty_points_reinstatement")
# A scheduler that runs beside us takes only runs whose time has come, and only tasks whose pool
# exists: this run and its tasks are ours.
OUT_OF_REACH = timedelta(days=36500)
NO_POOL = "of-a-command"


@dataclass(frozen=True)
class Outcome:
    """How one DAG run ended; `tasks` gives (task, index or -1, state) in order of start."""

    dag_run_id: str
    state: str
    tasks: tuple[tuple[str, int, str], ...]

    @property
    def succeeded(self) -> bool:
        """Whether every task succeeded, but for those that had nothing to do."""
        states = {state for _, _, state in self.tasks}
        return self.state == "success" and "success" in states <= {"success", "skipped"}


def execute(dag_id: str, conf: dict[str, Any]) -> Outcome:
    """Execute the DAG once, now, with `conf` as its parameters.

    The run has a logical date of its own to the microsecond, so that Airflow, which replaces a
    run of the same logical date, never touches another one.

    Raises:
        ConfigurationError: there is no such DAG, it waits for a person, or a file does not import.
    """
    if dag_id in WAITING_DAGS:
        raise ConfigurationError(
            f"{dag_id} waits for a person's approval, and this command never waits. Start Airflow "
            "with `make up` and trigger the DAG in its UI."
        )
    dag = _load(dag_id)
    _keep_from_schedulers(dag)
    _let_metrics_flow()
    logical_date = datetime.now(UTC)
    run_id = f"manual__{logical_date.isoformat()}"
    # Airflow would name the run after its run_after.
    with patch("airflow.models.dagrun.DagRun.generate_run_id", return_value=run_id):
        dag.test(logical_date=logical_date, run_after=logical_date + OUT_OF_REACH, run_conf=conf)
    return _outcome(dag_id, run_id, logical_date)


def quiet_logs(level: str) -> None:
    """Keep log lines below `level` off the terminal; call it before Airflow is imported."""
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = level
    # Of a library of Airflow's own; nobody who types a command can do anything about it.
    warnings.filterwarnings("ignore", message="Using `httpx` with")


def _keep_from_schedulers(dag: Any) -> None:
    for task in dag.tasks:
        if task.is_mapped:
            task.partial_kwargs["pool"] = NO_POOL
        else:
            task.pool = NO_POOL


def _let_metrics_flow() -> None:
    # Not at the top: Airflow reads its settings when it is imported.
    from include import metrics

    metrics.initialise()


def _load(dag_id: str) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    from include.settings import PROJECT_ROOT

    # A person waits for this run; and Airflow 3.3.2 falls over a deadline when a run of this kind
    # has succeeded.
    os.environ["LOYALTY_DEADLINE_MINUTES"] = "0"
    bag = DagBag(PROJECT_ROOT / "dags")
    if bag.import_errors:
        raise ConfigurationError("\n".join(str(error) for error in bag.import_errors.values()))
    if dag_id not in bag.dags:
        raise ConfigurationError(f"There is no DAG {dag_id!r}; there is {', '.join(bag.dags)}.")
    return bag.dags[dag_id]


def _outcome(dag_id: str, run_id: str, logical_date: datetime) -> Outcome:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        run = DagRun.find(dag_id=dag_id, run_id=run_id, session=session)[0]
        run.run_after = logical_date
        instances = sorted(
            run.get_task_instances(session=session),
            key=lambda each: (each.start_date or logical_date, each.task_id),
        )
        return Outcome(
            run_id,
            str(run.state),
            tuple((each.task_id, each.map_index, str(each.state)) for each in instances),
        )
