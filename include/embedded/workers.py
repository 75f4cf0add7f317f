"""Three Celery workers on two queues: programs, and the settings that every Airflow process gets.

They stand in for three machines, so each has a name of its own and shares nothing with the others
but Redis, PostgreSQL and the bucket.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from include.embedded import processes

BOOKS, MAIL = "books", "mail"
# One for the books, one for the mail, one that helps where work is left.
WORKERS = {"worker-1": BOOKS, "worker-2": MAIL, "worker-3": f"{BOOKS},{MAIL}"}
TASKS_PER_WORKER = 2
NAME_VARIABLE = "LOYALTY_WORKER_NAME"
# Longer than any task may take: what is not acknowledged by then is delivered a second time.
DELIVERED_AGAIN_AFTER_SECONDS = 24 * 60 * 60
# Long enough for a busy machine, short enough to watch: Airflow's own is five minutes.
DEAD_AFTER_SECONDS = 30


def settings(broker_url: str) -> dict[str, str]:
    """Return what makes Airflow hand its tasks to workers by way of Redis."""
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__PARALLELISM": "16",
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "include.embedded.workers.name",
        "AIRFLOW__CELERY__BROKER_URL": f"{broker_url}/0",
        "AIRFLOW__CELERY__TASK_ACKS_LATE": "True",
        "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": str(
            DELIVERED_AGAIN_AFTER_SECONDS
        ),
        "AIRFLOW__OPERATORS__DEFAULT_QUEUE": BOOKS,
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(DEAD_AFTER_SECONDS),
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        # What a worker had taken but not begun when it died is queued again, too.
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "120",
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "15",
        "LOYALTY_BOOKS_QUEUE": BOOKS,
        "LOYALTY_MAIL_QUEUE": MAIL,
    }


def name() -> str:
    """Return what Airflow calls the machine that a task ran on."""
    return os.environ.get(NAME_VARIABLE) or "scheduler"


def start(worker: str, home: Path) -> int:
    """Start a worker where it does not run yet; return its process id, which leads its group."""
    return processes.start(
        worker,
        [
            *(sys.executable, "-m", "airflow", "celery", "worker", "--skip-serve-logs"),
            *("--queues", WORKERS[worker], "--concurrency", str(TASKS_PER_WORKER)),
            *("--celery-hostname", worker, "--without-mingle", "--without-gossip"),
        ],
        home=home,
        env={**os.environ, NAME_VARIABLE: worker},
        log=home / "logs" / f"{worker}.log",
    )
