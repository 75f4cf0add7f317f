"""Redis, in which tasks wait for a worker: Debian's `redis-server`, on this machine only."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from include.embedded import processes, state, waiting
from include.embedded.ports import HOST, free_port, is_free
from include.errors import ServerError

NAME = "redis"
NOTE = "redis-server.json"


def start(home: Path) -> str:
    """Start Redis where it does not run yet; return its URL, which holds a generated password.

    Raises:
        ServerError: Redis is not installed, or does not come up.
    """
    program = _program()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = _kept_or_new(home)
    # The password goes through a file: arguments can be read by everybody on the machine.
    settings = home / "redis.conf"
    _write(settings, _settings(known, home))
    processes.start(
        NAME,
        [program, str(settings)],
        home=home,
        env={"PATH": os.defpath, "LC_ALL": "C"},
        log=home / "logs" / "redis.log",
    )
    waiting.until_listens(known["port"], "Redis", seconds=30)
    return f"redis://:{known['password']}@{HOST}:{known['port']}"


def _program() -> str:
    found = shutil.which("redis-server", path=f"{os.environ.get('PATH', '')}:{os.defpath}")
    if found is None:
        raise ServerError(
            "redis-server is not installed; on Debian: apt-get install redis-server. Only "
            "`make cluster` needs it; `make up` runs the same on one machine without."
        )
    return found


def _kept_or_new(home: Path) -> dict[str, str]:
    known = state.read(home / NOTE)
    if known and (processes.running(NAME, home) or is_free(int(known["port"]))):
        return known
    known = {"port": str(free_port()), "password": secrets.token_urlsafe(24)}
    state.write(home / NOTE, known)
    return known


def _settings(known: dict[str, str], home: Path) -> str:
    # Nothing is kept on disk: a task whose message is lost is queued again by the scheduler.
    return "\n".join(
        [
            f"bind {HOST}",
            "protected-mode yes",
            f"port {known['port']}",
            f"requirepass {known['password']}",
            f'dir "{home}"',
            'save ""',
            "appendonly no",
            "daemonize no",
            "",
        ]
    )


def _write(path: Path, content: str) -> None:
    with open(state.open_private(path, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
        file.write(content)
