"""`make cluster`: Airflow with three workers on two queues, and a day that they share."""

from __future__ import annotations

import argparse
import importlib.util
import os
import time
from collections import Counter
from datetime import UTC, datetime

from sqlalchemy import Engine

from include.commands import report_table, up
from include.commands.database import loyalty_engine
from include.commands.entry import run_command
from include.commands.run import DAG_DEFAULT, LIFECYCLE
from include.connections import VARIABLES
from include.database import run_stage, transaction
from include.embedded import broker, bucket, processes, workers, workplace
from include.embedded.interface import Interface, TaskInstance
from include.errors import ConfigurationError, LoyaltyError, ServerError
from include.reconcile import violations
from include.settings import positive_int, state_dir

CARDS_DEFAULT = 5000
# Small, so that every worker gets something of a day that is over in a minute.
SETTINGS = {
    "LOYALTY_EXPIRY_SHARDS": "4",
    "LOYALTY_COHORT_PART_ROWS": "500",
    "LOYALTY_CHUNK_SIZE": "50",
}
SENDERS_MAX = 4
PATIENCE_SECONDS = 900


def main() -> int:
    arguments = _arguments()
    is_embedded = not os.environ.get(VARIABLES[0])
    place = start(is_embedded=is_embedded)
    succeeded = True
    if is_embedded and not arguments.without_day:
        succeeded = _play(place)
    print()
    up.show(place.ui_url, place.inbox_url)
    return 0 if succeeded else 1


def start(*, is_embedded: bool) -> workplace.Workplace:
    """Start Redis, the stand-in for S3, Airflow and the workers, as far as they do not run yet.

    Raises:
        ConfigurationError: Airflow already runs here without workers.
        ServerError: something is not installed, or did not come up.
    """
    _require_room()
    given = dict(os.environ)
    if is_embedded:
        # The day that is played here is the one that is triggered; none is to be made up before.
        os.environ.setdefault("LOYALTY_START_DATE", datetime.now(UTC).isoformat())
    broker_url = broker.start(state_dir())
    place = workplace.prepare(is_scheduled=True)
    settings = {**SETTINGS, **bucket.start(state_dir()), **workers.settings(broker_url)}
    os.environ.update({**settings, **{name: given[name] for name in settings if name in given}})
    for worker in workers.WORKERS:
        workers.start(worker, state_dir())
    # It sends whatever is due: of the day's own senders it would leave none much to do.
    up.start_airflow(place, [dag for dag in up.DAGS if not (is_embedded and dag == LIFECYCLE)])
    Interface(place.ui_url).resize_pool(os.environ["LOYALTY_MAIL_POOL"], SENDERS_MAX)
    return place


def _require_room() -> None:
    if importlib.util.find_spec("celery") is None:
        raise ServerError("The workers are not installed; `make cluster` installs them.")
    runs = {
        name: processes.running(name, state_dir()) is not None
        for name in ("scheduler", *workers.WORKERS)
    }
    if runs.pop("scheduler") and not any(runs.values()):
        raise ConfigurationError(
            "Airflow runs here without workers; stop it with `make down`, then try again."
        )


def _play(place: workplace.Workplace) -> bool:
    cards = positive_int("LOYALTY_CLUSTER_CARDS", CARDS_DEFAULT)
    engine = loyalty_engine()
    merchant_id = fill_program(engine, cards, datetime.now(UTC))
    interface = Interface(place.ui_url)
    dag_run_id = interface.trigger(DAG_DEFAULT, {"merchant_ids": [merchant_id]})
    print(f"{cards:,} cards of one program; the run is {dag_run_id}.", flush=True)
    state = _wait(interface, dag_run_id)
    tasks = interface.tasks(DAG_DEFAULT, dag_run_id)
    _show_workers(tasks)
    _prove(engine, dag_run_id)
    return state == "success" and {task.state for task in tasks} <= {"success", "skipped"}


def fill_program(engine: Engine, cards: int, as_of: datetime) -> int:
    """Make up a program with so many cards; return its merchant."""
    with transaction(engine, role=None) as connection:
        binds = {"cards_total": cards, "as_of": as_of}
        return int(run_stage(connection, "fill_program", binds)["merchant_id"])


def _wait(interface: Interface, dag_run_id: str) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    told = ""
    while (state := interface.run_state(DAG_DEFAULT, dag_run_id)) not in ("success", "failed"):
        if time.monotonic() > deadline:
            raise ServerError(f"The run {dag_run_id} did not end; see it in Airflow's UI.")
        told = _tell_running(interface.tasks(DAG_DEFAULT, dag_run_id), told)
        time.sleep(1)
    return state


def _tell_running(tasks: list[TaskInstance], told: str) -> str:
    running = Counter(
        f"{task.task_id} on {task.worker}" for task in tasks if task.state == "running"
    )
    text = ", ".join(f"{count} {what}" for what, count in sorted(running.items()))
    if text and text != told:
        print(f"  {text}", flush=True)
    return text or told


def _show_workers(tasks: list[TaskInstance]) -> None:
    counts = Counter((task.task_id, task.worker) for task in tasks)
    width = max(len(task.task_id) for task in tasks)
    print(f"\n{'task':{width}}  " + "  ".join(f"{name:>8}" for name in workers.WORKERS))
    for task_id in dict.fromkeys(task.task_id for task in tasks):
        cells = [counts[task_id, name] or "" for name in workers.WORKERS]
        print(f"{task_id:{width}}  " + "  ".join(f"{cell:>8}" for cell in cells))


def _prove(engine: Engine, dag_run_id: str) -> None:
    with transaction(engine) as connection:
        run_id = run_stage(connection, "find_run", {"dag_run_id": dag_run_id})["run_id"]
    report_table.show(engine, [run_id])
    files = [key for key in bucket.keys(state_dir()) if f"run={run_id}/" in key]
    found = violations(engine, None)
    print(
        f"\n{len(files)} cohort files in the bucket {bucket.BUCKET}; every invariant checked on "
        f"every card, {len(found)} violations."
    )
    if found:
        raise LoyaltyError("The books do not add up: " + "; ".join(map(str, found[:10])))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__)
    parser.add_argument("--without-day", action="store_true", help="start and play no day")
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
