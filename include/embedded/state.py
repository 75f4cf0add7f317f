"""State files of a home folder: readable by its owner only, written whole, guarded by a lock."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from include.errors import ServerError


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; other processes wait. The kernel frees it when its holder ends."""
    descriptor = open_private(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read(path: Path) -> dict[str, Any] | None:
    """Return the record in `path`, or None where there is none.

    Raises:
        ServerError: the file is no JSON.
    """
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ServerError(f"{path} is damaged; restore it, or remove {path.parent}.") from error
    return record


def write(path: Path, record: Mapping[str, Any]) -> None:
    """Replace `path` by `record` in one step, mode 0600."""
    draft = path.with_name(path.name + ".new")
    descriptor = open_private(draft, os.O_WRONLY | os.O_TRUNC)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(record, file)
    draft.replace(path)


def open_private(path: Path, flags: int) -> int:
    """Open (or create) `path` with mode 0600 and return its descriptor."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    os.fchmod(descriptor, 0o600)
    if os.geteuid() == 0:
        # Root that lends a hand in another user's home must not lock that user out.
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor
