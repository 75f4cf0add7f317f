"""Where a server's data lies: in its home folder, or where the server's account may enter."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from include.embedded import postmaster
from include.embedded.account import Account, can_enter, open_to
from include.errors import ServerError

DATA = Path("cluster", "data")
LOG = Path("cluster", "postgres.log")
PREFIX = "points-expiration"
STAND_IN_ROOT = Path("/var/lib", PREFIX)
LAST_RESORT = Path("/var/tmp")  # noqa: S108 - only ever used through mkdtemp
MARK = "home"


def choose(home: Path, account: Account | None, *, own_files: frozenset[str]) -> Path:
    """Return the folder for a new server's data: `home`, or a private one that stands in for it.

    A checkout may lie under a closed folder such as root's home; no folder above is ever opened.
    `home` itself is, to the account alone, where it holds nothing but `own_files`.
    """
    if account is None:
        return home
    if not can_enter(account, home) and can_enter(account, home.parent):
        _open_where_ours(home, account, own_files)
    return home if can_enter(account, home) else _stand_in(home, account)


def mark(base: Path, home: Path) -> None:
    """Note in the stand-in `base` whose it is; a checkout that was moved claims it anew."""
    if base != home:
        (base / MARK).write_bytes(os.fsencode(home))


def _open_where_ours(home: Path, account: Account, own_files: frozenset[str]) -> None:
    if home.stat().st_uid == 0 and {entry.name for entry in home.iterdir()} <= own_files:
        open_to(home, account)


def _stand_in(home: Path, account: Account) -> Path:
    prefix = f"{PREFIX}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}-"
    _stop_forgotten(home, prefix)
    for root in (STAND_IN_ROOT, LAST_RESORT):
        base = _private_folder(root, prefix, account)
        if base is not None:
            return base
    raise ServerError(
        f"The account {account.name} can enter neither {home} nor {STAND_IN_ROOT}; "
        "move the checkout out of the closed folder, or run this as an ordinary user."
    )


def _private_folder(root: Path, prefix: str, account: Account) -> Path | None:
    try:
        if root == STAND_IN_ROOT:
            root.mkdir(exist_ok=True)
            root.chmod(0o711)
        base = Path(tempfile.mkdtemp(prefix=prefix, dir=root))
        open_to(base, account)
    except OSError:
        return None
    if can_enter(account, base):
        return base
    base.rmdir()
    return None


def _stop_forgotten(home: Path, prefix: str) -> None:
    # Who removes a home knows nothing of its stand-in, whose server would run for ever. Its data
    # stay: the home may just as well have been moved, and will claim them at its next start.
    for root in (STAND_IN_ROOT, LAST_RESORT):
        for base in root.glob(f"{prefix}*"):
            note = base / MARK
            if base.stat().st_uid == 0 and note.exists() and note.read_bytes() == os.fsencode(home):
                postmaster.stop(base / DATA, seconds=60)
