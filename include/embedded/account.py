"""Whom PostgreSQL runs as: it refuses root, so root hands it to an account without rights."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from include.errors import ServerError

OWN_ACCOUNT = "loyalty_pg"


@dataclass(frozen=True)
class Account:
    """A system account; where a function takes None instead, it means whoever runs this program."""

    name: str
    uid: int
    gid: int


def account_for(folder: Path) -> Account | None:
    """Return whom a server with its data in `folder` runs as; None for an ordinary user.

    For root it is who owns `folder` or the folder above, and where that is root the account
    `postgres`, else `loyalty_pg`, which is created, else `nobody`.
    """
    if os.geteuid() != 0:
        return None
    for path in (folder, folder.parent):
        if path.exists() and (uid := path.stat().st_uid) != 0:
            return _by_uid(uid)
    return _named("postgres") or _named(OWN_ACCOUNT) or _created() or _nobody()


def run(argv: Sequence[str | Path], account: Account | None) -> tuple[int, str]:
    """Run a program to its end as `account`; return its exit status and what it printed.

    The output goes through a file: a daemon that inherits a pipe would keep its reader waiting.
    The environment is bare, so that neither `PG…` variables nor secrets reach the server.
    """
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(  # noqa: S603 - the callers name the programs, no shell is involved
            [str(word) for word in argv],
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            cwd="/",  # ours may be closed to the account, and PostgreSQL asks where it is
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=False,
        )
        output.seek(0)
        return done.returncode, output.read().decode(errors="replace")


def can_enter(account: Account | None, folder: Path) -> bool:
    """Tell whether `account` gets into `folder`, by trying."""
    try:
        return run(["/bin/sh", "-c", 'cd "$1"', "sh", folder], account)[0] == 0
    except OSError as error:
        name = account.name if account else "this user"
        raise ServerError(
            f"PostgreSQL does not run as root, and root may not act as {name} here ({error}); "
            "run this as an ordinary user."
        ) from error


def can_execute(account: Account | None, program: Path) -> bool:
    """Tell whether `account` can start `program` and load its libraries, by trying."""
    try:
        return run([program, "--version"], account)[0] == 0
    except OSError:
        return False


def give(path: Path, account: Account | None) -> None:
    """Make `account` the owner of `path`."""
    if account:
        os.chown(path, account.uid, account.gid)


def open_to(path: Path, account: Account) -> None:
    """Let `account` pass through root's own folder `path`, and nobody else."""
    os.chown(path, -1, account.gid)
    path.chmod(0o710)


def _created() -> Account | None:
    if (useradd := shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")) is None:
        return None
    shell = "/usr/sbin/nologin"
    run([useradd, "--system", "--user-group", "--no-create-home", "-s", shell, OWN_ACCOUNT], None)
    # Whatever useradd said: another process may have created the account in the same moment.
    return _named(OWN_ACCOUNT)


def _named(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _by_uid(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        # A container's data may belong to a number without a name.
        return Account(str(uid), uid, uid)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _nobody() -> Account:
    if (account := _named("nobody")) is None:
        raise ServerError("PostgreSQL does not run as root; create a system account `postgres`.")
    return account
