"""Which days the scheduler makes up, from the DAG's start date and the last run alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ONE_DAY = timedelta(days=1)


def latest_tick() -> datetime:
    two_hours_ago = datetime.now(UTC) - timedelta(hours=2)
    return two_hours_ago.replace(hour=2, minute=0, second=0, microsecond=0)


def days_up_to_latest(count: int) -> list[list[object]]:
    """Return that many whole runs in a row, as they are printed."""
    days = [latest_tick() - back * ONE_DAY for back in reversed(range(count))]
    return [[day.isoformat(), True] for day in days]


def due_runs(home: Path, **settings: str) -> dict[str, list[list[object]]]:
    """Return the runs that are due at the first unpausing, and nine days after the last run."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.scheduler.dates", (latest_tick() - 9 * ONE_DAY).isoformat()],
        cwd=ROOT,
        env={**os.environ, "AIRFLOW_HOME": str(home), "PYTHONPATH": str(ROOT), **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_without_a_start_date_every_day_since_the_release_gets_a_run_with_tasks(tmp_path):
    days = (latest_tick().date() - date(2026, 11, 23)).days + 1
    assert due_runs(tmp_path)["first"] == days_up_to_latest(days)


def test_with_a_start_date_every_missed_day_gets_a_run_with_all_its_tasks(tmp_path):
    start = (latest_tick() - 11 * ONE_DAY).date().isoformat()
    assert due_runs(tmp_path, LOYALTY_START_DATE=start) == {
        "first": days_up_to_latest(12),
        "after": days_up_to_latest(9),
    }
