"""Background programs, started and stopped by their process id, each noted in its home folder."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # psutil ships no types

from include.embedded import state
from include.errors import ServerError

# A child that ended stays in the process table until its parent asks after it.
_children: dict[int, subprocess.Popen[bytes]] = {}


def start(name: str, argv: Sequence[str], *, home: Path, env: Mapping[str, str], log: Path) -> int:
    """Start a program that outlives its caller, unless `name` already runs; return its process id.

    It leads a session of its own, reads nothing and appends what it prints to `log` (mode 0600).

    Raises:
        ServerError: the program cannot be started.
    """
    for folder in (home, log.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with state.locked(home / f"{name}.lock"):
        if (found := running(name, home)) is not None:
            return found
        pid = _spawned(name, argv, env, log)
        state.write(_note(name, home), {"pid": pid, "birth": _birth(pid)})
    return pid


def stop(name: str, *, home: Path, seconds: float = 10) -> bool:
    """End a program and all it started: SIGTERM, and SIGKILL for what is left after `seconds`.

    Returns whether it ran.

    Raises:
        ServerError: the program belongs to another user, or survives SIGKILL.
    """
    if (leader := running(name, home)) is None:
        return False
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
        _signal_session(name, leader, number)
        if _session_ended(leader, seconds=patience):
            if leader in _children:
                _children.pop(leader).wait()
            _note(name, home).unlink(missing_ok=True)
            return True
    raise ServerError(f"{name} (process {leader}) does not end; end it by hand.")


def running(name: str, home: Path) -> int | None:
    """Return the process id of `name`, None where it ended, or its number is now another's."""
    record = state.read(_note(name, home))
    if record is None or (birth := _birth(record["pid"])) is None or birth != record["birth"]:
        return None
    pid: int = record["pid"]
    return pid


def _note(name: str, home: Path) -> Path:
    return home / f"{name}.json"


def _spawned(name: str, argv: Sequence[str], env: Mapping[str, str], log: Path) -> int:
    output = state.open_private(log, os.O_WRONLY | os.O_APPEND)
    try:
        child = subprocess.Popen(  # noqa: S603 - the callers name the programs, no shell is involved
            list(argv),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise ServerError(f"{name} cannot be started: {error}.") from error
    finally:
        os.close(output)
    _children[child.pid] = child
    return child.pid


def _birth(pid: int) -> str | None:
    """Return what tells a process from a later one of the same number; None where it ended."""
    if pid in _children:
        _children[pid].poll()
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return _kernel_birth(pid) or str(process.create_time())
    except (psutil.NoSuchProcess, FileNotFoundError):
        return None


def _kernel_birth(pid: int) -> str | None:
    # In ticks since the boot. psutil adds the time of day at the boot, which changes with the
    # clock, and a program whose start time changed could never be stopped.
    boot = Path("/proc/sys/kernel/random/boot_id")
    if not boot.exists():
        return None
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    ticks = after_name.rpartition(")")[2].split()[19]
    return f"{boot.read_text(encoding='ascii').strip()}/{ticks}"


def _signal_session(name: str, leader: int, number: signal.Signals) -> None:
    try:
        os.killpg(leader, number)
        if number == signal.SIGKILL:
            # A task of Airflow leads a group of its own; its supervisor can end it no more.
            for pid in _members(leader):
                os.kill(pid, number)
    except ProcessLookupError:
        pass  # it ended in this moment
    except PermissionError as error:
        raise ServerError(f"{name} (process {leader}) belongs to another user.") from error


def _session_ended(leader: int, *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _members(leader):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _members(leader: int) -> list[int]:
    return [pid for pid in psutil.pids() if _is_member(pid, leader)]


def _is_member(pid: int, leader: int) -> bool:
    try:
        return os.getsid(pid) == leader and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ProcessLookupError):
        return False
