"""The set-up of `make cluster`, started once: Redis, a stand-in for S3, Airflow, three workers."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.workshop import Workshop
from tests.scheduler.embedded_airflow import latest_run_instant

FOLDER = Path(__file__).parent
SETTINGS = {
    "LOYALTY_EXPIRY_SHARDS": "4",
    # Small, so that there is a middle in which to kill.
    "LOYALTY_CHUNK_SIZE": "5",
    "LOYALTY_COHORT_PART_ROWS": "600",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if reason := _reason_to_skip():
        for item in items:
            if FOLDER in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


def _reason_to_skip() -> str | None:
    if os.environ.get("CLUSTER_TEST") != "1":
        return "it takes some minutes; `make cluster-test` runs it"
    if shutil.which("redis-server") is None:
        return "redis-server is not installed (apt-get install redis-server)"
    if importlib.util.find_spec("celery") is None or importlib.util.find_spec("moto") is None:
        return "the workers are not installed (`make cluster-test` installs them)"
    return None


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    workshop = Workshop(tmp_path_factory.mktemp("cluster") / "state", latest_run_instant())
    try:
        workshop.call("cluster", "--without-day", **SETTINGS)
        yield workshop
    finally:
        workshop.close()
