"""`make down`: stops exactly what `make up`, `make cluster`, `make demo` and `make run` started."""

from __future__ import annotations

from include.commands.entry import run_command
from include.commands.up import PROGRAMS
from include.embedded import broker, bucket, postgres, processes, workers
from include.settings import state_dir


def main() -> int:
    stopped = [
        name
        for name in [*workers.WORKERS, *reversed(PROGRAMS), broker.NAME, bucket.NAME, "inbox"]
        if processes.stop(name, home=state_dir(), seconds=30)
    ]
    if postgres.is_running(state_dir() / "postgres"):
        postgres.stop(state_dir() / "postgres")
        stopped.append("PostgreSQL")
    print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing of ours was running.")
    return 0


if __name__ == "__main__":
    run_command(main)
