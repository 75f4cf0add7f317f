"""`make shell`: a shell in which `airflow` and `psql` work on what the other commands work on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sqlalchemy import URL

from include.commands.database import loyalty_engine
from include.commands.entry import run_command
from include.embedded import install, workplace
from include.settings import state_dir

BASH = "bash"


def main() -> int:
    workplace.prepare()
    url = loyalty_engine().url
    os.environ.update(libpq_variables(url))
    os.environ["PATH"] = _path()
    if sys.stdin.isatty():
        print(f"`airflow` and `psql` work here, on {url.host}:{url.port}/{url.database}.")
    sys.stdout.flush()
    os.execvp(BASH, [BASH])  # noqa: S606 - the program is named here, no shell parses anything


def libpq_variables(url: URL) -> dict[str, str]:
    """Return what tells psql, and whatever else is built on libpq, to work on `url`."""
    words = {
        "PGHOST": url.host,
        "PGPORT": url.port,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
        "PGSSLMODE": url.query.get("sslmode"),
    }
    return {name: str(value) for name, value in words.items() if value}


def _path() -> str:
    # This environment's Airflow before any other; the wheel's psql where there is no other.
    psql = install.programs(max(install.FOLDERS), state_dir(), None)
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], str(psql)])


if __name__ == "__main__":
    run_command(main)
