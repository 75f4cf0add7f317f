"""`make down`: stops exactly what `make up`, `make demo` and `make run` started here."""

from __future__ import annotations

from include.commands.entry import run_command
from include.commands.up import PROGRAMS
from include.embedded import postgres, processes
from include.settings import state_dir


def main() -> int:
    stopped = [
        name
        for name in [*reversed(PROGRAMS), "inbox"]
        if processes.stop(name, home=state_dir(), seconds=30)
    ]
    if postgres.is_running(state_dir() / "postgres"):
        postgres.stop(state_dir() / "postgres")
        stopped.append("PostgreSQL")
    print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing of ours was running.")
    return 0


if __name__ == "__main__":
    run_command(main)
