"""Prints, as JSON, which daily runs Airflow would create now: at the first unpausing, and after a
last run, whose logical date is the one argument. Each comes with whether it has all its tasks.

A program of its own: a DAG file reads its settings once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pendulum
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DagRunInfo

DAGS = Path(__file__).resolve().parents[2] / "dags"


def due_runs(dag: Any, last_run: datetime | None) -> Iterator[tuple[str, bool]]:
    """Yield the runs that are due by now, each with whether all its tasks are created."""
    now = datetime.now(UTC)
    info = DagRunInfo.exact(pendulum.instance(last_run)) if last_run else None
    while (info := dag.next_dagrun_info(last_automated_run_info=info)).run_after <= now:
        # The condition of DagRun.verify_integrity for a run that is no backfill.
        is_whole = all(task.start_date <= info.logical_date for task in dag.tasks)
        yield info.logical_date.isoformat(), is_whole


if __name__ == "__main__":
    found = DagBag(DAGS).dags["loyalty_points_expiration"]
    # As the scheduler has it: from the database, not from the file.
    stored = DagSerialization.from_dict(DagSerialization.to_dict(found))
    moments = {"first": None, "after": datetime.fromisoformat(sys.argv[1])}
    print(json.dumps({name: list(due_runs(stored, last)) for name, last in moments.items()}))
