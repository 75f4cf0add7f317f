"""`make up`: Airflow with its UI, scheduled, on the embedded set-up or your own connections."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from hashlib import sha256

from include.commands.entry import run_command
from include.connections import VARIABLES
from include.embedded import airflow as airflow_settings
from include.embedded import processes, secrets, state, waiting, workplace
from include.errors import ServerError
from include.settings import state_dir

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
    place = workplace.prepare(is_scheduled=True)
    start_airflow(place)
    show(place.ui_url, place.inbox_url)
    return 0


def start_airflow(place: workplace.Workplace, dags: Sequence[str] = DAGS) -> None:
    """Start what of Airflow does not run yet, and have it schedule these DAGs.

    Raises:
        ServerError: it does not come up, or runs already on other connections.
    """
    _note_connections()
    _start("api-server")
    # While it comes up; the processor would read them later.
    _make_known(dags)
    waiting.until_answers(f"{place.ui_url}/api/v2/monitor/health", "Airflow", seconds=120)
    for name in PROGRAMS:
        _start(name)


def _note_connections() -> None:
    note = state_dir() / "airflow-connections.json"
    told = "\0".join(os.environ.get(name, "") for name in VARIABLES)
    ours = {"sha256": sha256(told.encode()).hexdigest()}
    is_running = processes.running("api-server", state_dir()) is not None
    if is_running and (state.read(note) or ours) != ours:
        raise ServerError(
            "Airflow runs already, on another database or mail server than "
            f"{' and '.join(VARIABLES)} name now; `make down`, then `make up` again."
        )
    state.write(note, ours)


def _start(name: str) -> None:
    processes.start(
        name,
        [sys.executable, "-m", "airflow", *PROGRAMS[name]],
        home=state_dir(),
        env=dict(os.environ),
        log=state_dir() / "logs" / f"{name}.log",
    )


def show(ui_url: str, inbox_url: str | None) -> None:
    """Print where Airflow and the inbox are, and how to log in."""
    password = secrets.load(airflow_settings.home())["admin_password"]
    print(f"Airflow   {ui_url}   user admin, password {password}")
    if inbox_url:
        print(f"Inbox     {inbox_url}")
    print("Stop both with `make down`.")


def _make_known(dags: Sequence[str]) -> None:
    """Have Airflow know these DAGs, and schedule them.

    Where Airflow runs already, its processor may write the same DAG in the same moment: then one
    of the two fails, and the next try does not.
    """
    ours = f"^({'|'.join(dags)})$"
    for patience in (True, True, False):
        done = airflow_settings.run_commands(
            {},
            ["dags", "reserialize"],
            ["dags", "unpause", "--treat-dag-id-as-regex", ours, "--yes"],
        )
        if done.returncode == 0:
            return
        if not patience:
            raise ServerError(f"Airflow could not read the DAGs:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    run_command(main)
