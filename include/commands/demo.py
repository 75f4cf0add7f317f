"""`make demo`: a real purchase history as points, and several days of the DAG run on it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from include.commands import report_table
from include.commands.database import loyalty_engine
from include.commands.entry import run_command
from include.commands.execution import execute, quiet_logs
from include.commands.run import DAG_DEFAULT
from include.connections import VARIABLES, require_pair
from include.database import Binds, run_stage, transaction
from include.embedded import postgres, processes, workplace
from include.errors import ConfigurationError, LoyaltyError, ServerError
from include.lifecycle import start_above_ledger
from include.mail.seeding import seed_templates
from include.migrations import migrate
from include.reconcile import violations
from include.replay import replay as replays
from include.settings import state_dir

CONSECUTIVE_DAYS = 5
ONE_DAY = timedelta(days=1)
STARTED = time.monotonic()


def main() -> int:
    require_pair()
    os.environ["LOYALTY_TASK_RETRIES"] = "0"
    os.environ.pop("LOYALTY_NOW", None)
    quiet_logs("ERROR")
    _tell("Starting PostgreSQL, the inbox and Airflow's database …")
    if not os.environ.get(VARIABLES[0]):
        _forget_last_demonstration()
    place = workplace.prepare()
    engine = loyalty_engine()
    replay = _load(engine)
    run_ids = _run_days(engine, replay)
    report_table.show(engine, run_ids)
    _prove(engine)
    _tell_what_next(place)
    return 0


def _tell(text: str) -> None:
    print(f"[{time.monotonic() - STARTED:4.0f} s] {text}", flush=True)


def _forget_last_demonstration() -> None:
    processes.stop("inbox", home=state_dir())
    for folder in (workplace.maildir(), str(state_dir() / "cohorts")):
        shutil.rmtree(folder, ignore_errors=True)
    server = postgres.start(state_dir() / "postgres")
    postgres.drop_database(server, workplace.LOYALTY_DATABASE)


def _load(engine: Engine) -> replays.Replay:
    migrate(engine)
    seed_templates(engine)
    counts = _counts(engine)
    if counts["merchants_total"] or counts["runs_total"]:
        raise ConfigurationError(
            f"Database {engine.url.database!r} already holds merchants or runs; the demonstration "
            "only plays on an empty one. Unset AIRFLOW_CONN_LOYALTY_DB and "
            "AIRFLOW_CONN_LOYALTY_SMTP to play on the embedded one."
        )
    _tell("Replaying 69,659 purchases of 23,570 customers as a points history …")
    replay = replays.build(datetime.now(UTC).date())
    with _driver(engine) as driver:
        replays.load_history(driver, replay, _days(replay)[0] - ONE_DAY)
    # The history is not news: nobody gets a mail about an enrollment of last year.
    start_above_ledger(engine)
    counts = _counts(engine)
    _tell(
        f"Loaded {counts['merchants_total']} merchants, {counts['cards_total']:,} cards and "
        f"{counts['ledger_rows_total']:,} ledger rows."
    )
    return replay


@contextmanager
def _driver(engine: Engine) -> Iterator[Any]:
    """Lend the driver's own connection, which COPY needs; committed at the end."""
    with closing(engine.raw_connection()) as connection:
        yield connection.driver_connection
        connection.commit()


def _days(replay: replays.Replay) -> list[datetime]:
    """Return consecutive run instants up to the day after the last purchase, and the latest one.

    The history moved by whole weeks, so it may end some days ago; the last run heals the gap.
    """
    now = datetime.now(UTC)
    latest: date = now.date() if now.hour >= 2 else now.date() - ONE_DAY
    last_purchase: date = replay.events["happened_at"].max().date()
    days = replays.first_runs(min(last_purchase + ONE_DAY, latest), CONSECUTIVE_DAYS)
    (last,) = replays.first_runs(latest, 1)
    return days if last == days[-1] else [*days, last]


def _run_days(engine: Engine, replay: replays.Replay) -> list[int]:
    days = _days(replay)
    run_ids = []
    for number, as_of in enumerate(days, 1):
        after = days[number - 2] if number > 1 else as_of - ONE_DAY
        with _driver(engine) as driver:
            posted = replays.post(driver, replay, after, as_of)
        _tell(f"Day {number} of {len(days)}: {posted} new ledger rows, DAG run for {as_of} …")
        run_ids.append(_run_day(engine, as_of))
    return run_ids


def _run_day(engine: Engine, as_of: datetime) -> int:
    os.environ["LOYALTY_NOW"] = as_of.isoformat()
    outcome = execute(DAG_DEFAULT, {"as_of": as_of.isoformat()})
    os.environ.pop("LOYALTY_NOW")
    if not outcome.succeeded:
        failed = [task for task, _, state in outcome.tasks if state == "failed"]
        raise ServerError(f"The run for {as_of} failed in {', '.join(failed) or 'no task'}.")
    with transaction(engine) as connection:
        found = run_stage(connection, "find_run", {"dag_run_id": outcome.dag_run_id})
    return int(found["run_id"])


def _counts(engine: Engine) -> Binds:
    with transaction(engine) as connection:
        return run_stage(connection, "count_platform", {})


def _prove(engine: Engine) -> None:
    found = violations(engine, None)
    counts = _counts(engine)
    print(
        f"\nLedger {counts['ledger_points_total']:,} points = balances "
        f"{counts['balance_points_total']:,} points; every invariant checked on every card, "
        f"{len(found)} violations."
    )
    if found or counts["ledger_points_total"] != counts["balance_points_total"]:
        raise LoyaltyError("The books do not add up: " + "; ".join(map(str, found[:10])))


def _tell_what_next(place: workplace.Workplace) -> None:
    if place.inbox_url:
        print(f"\nThe mails   {place.inbox_url}   (files in {workplace.maildir()})")
    print(
        "\nTry next:\n"
        "  make up       the Airflow UI with these runs, scheduled from now on\n"
        "  make run      one more run, now: it finds little or nothing left to do\n"
        "  make test     the whole suite\n"
        "  make down     stop everything that was started here\n"
    )
    _tell("Done.")


if __name__ == "__main__":
    run_command(main)
