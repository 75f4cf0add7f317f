"""A second api-server on the same Airflow, as behind a proxy: under a path, and with users."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from include.embedded import waiting
from include.embedded.ports import free_port
from tests.scheduler.embedded_airflow import ROOT, EmbeddedAirflow

PREFIX = "/points/airflow"
# Their roles are Airflow's own: a viewer may read, a user may change DAGs.
USERS = {"vera": "viewer", "ursula": "user"}
PASSWORD = "only-for-this-test"


@dataclass(frozen=True)
class SecondServer:
    """Where it answers; `address` ends before the prefix."""

    address: str

    @property
    def base(self) -> str:
        return self.address + PREFIX

    def session_of(self, user: str) -> str:
        """Return the token that Airflow's own login gives to a user."""
        login = {"username": user, "password": PASSWORD}
        answer = httpx.post(f"{self.base}/auth/token", json=login, timeout=30, trust_env=False)
        return str(answer.raise_for_status().json()["access_token"])


@contextmanager
def second_server(airflow: EmbeddedAirflow, folder: Path) -> Iterator[SecondServer]:
    """Start it beside the first one, on the same databases; end it afterwards."""
    passwords = folder / "passwords.json"
    passwords.write_text(json.dumps(dict.fromkeys(USERS, PASSWORD)))
    server = SecondServer(f"http://127.0.0.1:{(port := free_port())}")
    settings = {
        "AIRFLOW__API__BASE_URL": server.base,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(map(":".join, USERS.items())),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
    }
    with (folder / "api-server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", "api-server"],
            cwd=ROOT,
            env=_environment(airflow) | settings,
            stdout=log,
            stderr=log,
        )
    try:
        waiting.until_answers(f"{server.base}/api/v2/monitor/health", "Airflow", seconds=120)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


def _environment(airflow: EmbeddedAirflow) -> dict[str, str]:
    # What `make shell` sets, which is what the first server was started with.
    printed = airflow.call("shell", stdin=f"exec '{sys.executable}' -c '{_PRINT}'")
    known = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/")}
    return known | json.loads(printed.splitlines()[-1])


_PRINT = "import json, os; print(json.dumps(dict(os.environ)))"
