"""The environment that every Airflow process of the embedded set-up gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from include.embedded import postgres, secrets, state
from include.embedded.ports import HOST
from include.errors import ServerError
from include.settings import PROJECT_ROOT, state_dir

METADATA_DATABASE = "airflow"
MAIL_POOL = "loyalty_mail"
# Senders at the same moment, of all runs and file parts.
MAIL_POOL_SLOTS = 2


def home() -> Path:
    """Return the folder of Airflow's own state, made where missing."""
    folder = state_dir() / "airflow"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def environment(server: postgres.Server, *, port: int) -> dict[str, str]:
    """Return Airflow's settings as environment variables; `port` is the api-server's."""
    keys = secrets.load(home())
    address = f"http://{HOST}:{port}"
    return {
        "AIRFLOW_HOME": str(home()),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT_ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet_key"],
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_password_file(keys)),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": server.url(METADATA_DATABASE),
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__SECRET_KEY": keys["secret_key"],
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt_secret"],
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        # A task's supervisor may wait out this many seconds after the task has ended.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "LOYALTY_MAIL_POOL": os.environ.get("LOYALTY_MAIL_POOL") or MAIL_POOL,
        "PYTHONPATH": str(PROJECT_ROOT),
    }


def migrate_metadata(settings: dict[str, str]) -> None:
    """Bring Airflow's own database to the installed version, with the mail pool, once per version.

    Raises:
        ServerError: Airflow could not do it; its last lines are in the message.
    """
    done = home() / "migrated.json"
    pool = [settings["LOYALTY_MAIL_POOL"], str(MAIL_POOL_SLOTS), "The senders of loyalty mails"]
    mark = {
        "airflow": version("apache-airflow"),
        "database": _database_of(settings),
        "pool": pool[0],
    }
    if state.read(done) == mark:
        return
    commands = [["db", "migrate"]]
    if pool[0] != "default_pool":
        commands.append(["pools", "set", *pool])
    made = run_commands(settings, *commands)
    if made.returncode:
        raise ServerError(f"Airflow's database could not be set up:\n{made.stderr[-2000:]}")
    state.write(done, mark)


def run_commands(
    settings: Mapping[str, str], *commands: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """Run some of Airflow's commands, one after the other, and return how that ended."""
    return subprocess.run(  # noqa: S603 - Airflow's own commands, no shell is involved
        [sys.executable, "-m", "include.embedded.airflow_commands", json.dumps(commands)],
        cwd=PROJECT_ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def _database_of(settings: dict[str, str]) -> str:
    # Without the password and the port, which may change from start to start.
    return settings["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].rpartition("/")[2]


def _password_file(keys: dict[str, str]) -> Path:
    path = home() / "ui-passwords.json"
    content = {"admin": keys["admin_password"]}
    if not path.exists() or json.loads(path.read_text(encoding="utf-8")) != content:
        state.write(path, content)
    return path
