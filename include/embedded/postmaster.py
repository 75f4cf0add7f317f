"""The server process of one data folder, known by the `postmaster.pid` that it writes there."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # psutil ships no types

from include.errors import ServerError

PID_LINE, PORT_LINE, STATUS_LINE = 0, 3, 7


def pid(data_dir: Path) -> int | None:
    """Return the process id of the server that runs on `data_dir`, None where none does."""
    found = _noted_pid(data_dir)
    return found if found is not None and _serves(found, data_dir) else None


def wait_until_ready(data_dir: Path, *, seconds: float) -> int:
    """Return the port of the running server once it takes connections.

    Raises:
        ServerError: it does not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        lines = _lines(data_dir)
        if len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready":
            return int(lines[PORT_LINE])
        time.sleep(0.05)
    raise ServerError(f"PostgreSQL on {data_dir} runs but takes no connections; stop it.")


def stop(data_dir: Path, *, seconds: float) -> None:
    """End the server of `data_dir`, rolling back what is open (fast mode); no error if none runs.

    Raises:
        ServerError: it still runs after `seconds`.
    """
    if (found := pid(data_dir)) is None:
        return
    os.kill(found, signal.SIGINT)
    deadline = time.monotonic() + seconds
    while pid(data_dir) is not None:
        if time.monotonic() > deadline:
            raise ServerError(f"PostgreSQL (process {found}) did not stop in {seconds:g} seconds.")
        time.sleep(0.02)


def forget_stale(data_dir: Path) -> None:
    """Remove a `postmaster.pid` that a crash left and whose number another program now has.

    PostgreSQL would take that program for a server and refuse to start. Where the number is
    nobody's it copes itself, and looks whether children of the old server are still at work.
    """
    found = _noted_pid(data_dir)
    if found is not None and psutil.pid_exists(found) and not _serves(found, data_dir):
        (data_dir / "postmaster.pid").unlink()


def _noted_pid(data_dir: Path) -> int | None:
    lines = _lines(data_dir)
    text = lines[PID_LINE].strip() if lines else ""
    return int(text) if text.isdigit() else None


def _lines(data_dir: Path) -> list[str]:
    try:
        return (data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _serves(process_id: int, data_dir: Path) -> bool:
    try:
        process = psutil.Process(process_id)
        return process.name() == "postgres" and (
            str(data_dir) in process.cmdline() or _works_in(process, data_dir)
        )
    except psutil.Error:
        return False


def _works_in(process: psutil.Process, data_dir: Path) -> bool:
    # The command line names the old place where the checkout was moved under a running server.
    try:
        return os.path.samefile(process.cwd(), data_dir)
    except OSError:
        return False
