"""`make up`: Airflow with its UI, scheduled, on the embedded set-up or your own connections."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from include.commands.entry import run_command
from include.embedded import airflow as airflow_settings
from include.embedded import processes, secrets, waiting, workplace
from include.settings import PROJECT_ROOT, state_dir

# The api-server first: a task that starts before it answers fails and has used up a try. The log
# servers would listen on all interfaces; the api-server reads the logs from the folder itself.
PROGRAMS = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
DAGS = (
    "loyalty_points_expiration",
    "loyalty_lifecycle_mail",
    "loyalty_held_expirations",
    "loyalty_points_reinstatement",
    "loyalty_watch",
)


def main() -> int:
    place = workplace.prepare()
    start_airflow(place)
    show(place.ui_url, place.inbox_url)
    return 0


def start_airflow(place: workplace.Workplace, dags: Sequence[str] = DAGS) -> None:
    """Start what of Airflow does not run yet, and have it schedule these DAGs."""
    # They must be known before they can be unpaused; the processor would read them later.
    _have_airflow("reserialize")
    for name, argv in PROGRAMS.items():
        processes.start(
            name,
            [sys.executable, "-m", "airflow", *argv],
            home=state_dir(),
            env=dict(os.environ),
            log=state_dir() / "logs" / f"{name}.log",
        )
        if name == "api-server":
            waiting.until_answers(f"{place.ui_url}/api/v2/monitor/health", "Airflow", seconds=120)
    ours = f"^({'|'.join(dags)})$"
    _have_airflow("unpause", "--treat-dag-id-as-regex", ours, "--yes")


def show(ui_url: str, inbox_url: str | None) -> None:
    """Print where Airflow and the inbox are, and how to log in."""
    password = secrets.load(airflow_settings.home())["admin_password"]
    print(f"Airflow   {ui_url}   user admin, password {password}")
    if inbox_url:
        print(f"Inbox     {inbox_url}")
    print("Stop both with `make down`.")


def _have_airflow(*verb: str) -> None:
    """Run one of Airflow's commands about DAGs.

    Where Airflow runs already, its processor may write the same DAG in the same moment: then one
    of the two fails, and the next try does not.
    """
    for patience in (True, True, False):
        done = subprocess.run(  # noqa: S603 - Airflow's own command, no shell is involved
            [sys.executable, "-m", "airflow", "dags", *verb],
            check=not patience,
            cwd=PROJECT_ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if done.returncode == 0:
            return


if __name__ == "__main__":
    run_command(main)
