"""`make url`: the address and login of Airflow's UI, and of the inbox."""

from __future__ import annotations

import sys

from include.commands.entry import run_command
from include.commands.up import show
from include.embedded import processes, state
from include.embedded.ports import HOST
from include.settings import state_dir


def main() -> int:
    if not processes.running("api-server", state_dir()):
        print("Airflow is not running here; start it with `make up`.", file=sys.stderr)
        return 1
    ui = state.read(state_dir() / "ui-port.json") or {}
    inbox = state.read(state_dir() / "inbox-ports.json") or {}
    inbox_runs = processes.running("inbox", state_dir()) is not None
    show(
        f"http://{HOST}:{ui['port']}",
        f"http://{HOST}:{inbox['http_port']}" if inbox_runs else None,
    )
    return 0


if __name__ == "__main__":
    run_command(main)
