"""`make run AS_OF=… [DAG=…] [DRY_RUN=1]`: one run of a DAG now, for a given instant."""

from __future__ import annotations

import argparse
import os

from include.clock import check_as_of, parse_instant, read_clock
from include.commands import report_table
from include.commands.database import loyalty_engine
from include.commands.entry import run_command
from include.commands.execution import execute, quiet_logs
from include.database import require_schema, run_stage, transaction
from include.embedded import workplace
from include.errors import ConfigurationError
from include.lifecycle import DagRun

DAG_DEFAULT = "loyalty_points_expiration"
LIFECYCLE = "loyalty_lifecycle_mail"
WITHOUT_INSTANT = (LIFECYCLE, "loyalty_watch")


def main() -> int:
    arguments = _arguments()
    if arguments.as_of:
        parse_instant(arguments.as_of, "AS_OF")
    if arguments.dry_run and arguments.dag == LIFECYCLE:
        raise ConfigurationError(f"{LIFECYCLE} has no dry run; leave DRY_RUN out.")
    if arguments.as_of and arguments.dag in WITHOUT_INSTANT:
        print(f"{arguments.dag} stands for no instant: it works on what is there now, not AS_OF.")
    # A person waits for this run: what fails is said at once instead of tried again later.
    os.environ["LOYALTY_TASK_RETRIES"] = "0"
    quiet_logs("WARNING")
    workplace.prepare()
    _refuse_in_vain(arguments)
    conf = {"as_of": arguments.as_of or None, "dry_run": arguments.dry_run}
    outcome = execute(arguments.dag, conf)
    print(f"\n{arguments.dag} {outcome.dag_run_id}: {outcome.state}")
    for task_id, index, state in outcome.tasks:
        print(f"  {state:16} {task_id}{'' if index < 0 else f' [{index}]'}")
    _show_report(arguments.dag, outcome.dag_run_id)
    return 0 if outcome.succeeded else 1


def _refuse_in_vain(arguments: argparse.Namespace) -> None:
    """Say in one sentence what the run's first task would say in a traceback."""
    engine = loyalty_engine()
    require_schema(engine)
    if arguments.as_of and arguments.dag not in WITHOUT_INSTANT:
        check_as_of(parse_instant(arguments.as_of, "AS_OF"), read_clock(engine))


def _show_report(dag_id: str, dag_run_id: str) -> None:
    engine = loyalty_engine()
    if dag_id == LIFECYCLE:
        report_table.show_lifecycle(engine, DagRun(dag_id, dag_run_id))
        return
    with transaction(engine) as connection:
        found = run_stage(connection, "find_run", {"dag_run_id": dag_run_id})
    if "run_id" in found:
        report_table.show(engine, [found["run_id"]])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--as-of", default="", help="ISO instant with offset; default: now")
    parser.add_argument("--dag", default=DAG_DEFAULT)
    parser.add_argument("--dry-run", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
