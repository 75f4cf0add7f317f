"""The embedded set-up as `make up` starts it: its own PostgreSQL, inbox and Airflow processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine

from include.database import connect
from include.embedded import postgres, processes
from tests.rows import rows

ROOT = Path(__file__).resolve().parents[2]
DAG = "loyalty_points_expiration"
PATIENCE_SECONDS = 300
# Before the first try of a block: what is installed is not looked at again, and nothing may fail.
PRELUDE = f"""
set -euo pipefail
make() {{ command make --no-print-directory --old-file='{ROOT}/.venv/.installed' "$@"; }}
"""


@dataclass(frozen=True)
class EmbeddedAirflow:
    """A state folder, and what is done with it; `last` is the latest 02:00 UTC at the start."""

    folder: Path
    last: datetime

    def date(self, before: int) -> date:
        """Return the date that many days before the last run's."""
        return (self.last - timedelta(days=before)).date()

    def run_id(self, before: int, kind: str = "scheduled") -> str:
        """Return the id of the run of that many days before the last."""
        return f"{kind}__{(self.last - timedelta(days=before)).isoformat()}"

    def call(self, command: str, *arguments: str, stdin: str = "", **settings: str) -> str:
        """Run a command as `make` does; return what it printed."""
        ours = ("AIRFLOW", "LOYALTY_", "PG")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        done = subprocess.run(
            [sys.executable, "-m", f"include.commands.{command}", *arguments],
            cwd=ROOT,
            env={**kept, "LOYALTY_STATE_DIR": str(self.folder), **settings},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{stdin or command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def shell(self, script: str) -> str:
        """Run a script in the shell of `make shell`; it must succeed."""
        return self.call("shell", stdin=PRELUDE + script)

    @cached_property
    def server(self) -> postgres.Server:
        return postgres.start(self.folder / "postgres")

    @cached_property
    def loyalty(self) -> Engine:
        return connect(self.server.url("loyalty"))

    @contextmanager
    def application(self) -> Iterator[Connection]:
        """Lend a connection as the live application has one; rolled back at the end."""
        engine = create_engine(self.server.url("loyalty"), poolclass=NullPool)
        with engine.connect() as connection:
            yield connection

    @cached_property
    def metadata(self) -> Engine:
        return connect(self.server.url("airflow"))

    def times(self, run_ids: list[str]) -> list[tuple[datetime, datetime]]:
        """Return start and end of runs of the main DAG, in the order they are named."""
        statement = """
            select start_date, end_date from dag_run
            where dag_id = %(dag_id)s and run_id = any(%(run_ids)s)
            order by array_position(%(run_ids)s, run_id::text)
        """
        return rows(self.metadata, statement, dag_id=DAG, run_ids=run_ids)

    def latest_run_id(self, dag_id: str) -> str:
        """Return the id of the DAG's run that was created last."""
        statement = "select run_id from dag_run where dag_id = %(dag_id)s order by id desc limit 1"
        return str(rows(self.metadata, statement, dag_id=dag_id)[0][0])

    def task_states(self, run_id: str, task_id: str) -> list[str | None]:
        """Return the states of the instances of one task in a run of the main DAG."""
        statement = """
            select state from task_instance
            where dag_id = %(dag_id)s and run_id = %(run_id)s and task_id = %(task_id)s
        """
        found = rows(self.metadata, statement, dag_id=DAG, run_id=run_id, task_id=task_id)
        return [state for (state,) in found]

    def takes_backfills(self) -> bool:
        """Tell whether the scheduler has noticed the end of every backfill."""
        statement = "select count(*) from backfill where completed_at is null"
        return rows(self.metadata, statement) == [(0,)]

    def tries(self, run_id: str, task_id: str) -> int:
        """Return how often a task of the main DAG was tried in a run, cleared ones included."""
        statement = """
            select try_number from task_instance
            where dag_id = %(dag_id)s and run_id = %(run_id)s and task_id = %(task_id)s
        """
        return int(rows(self.metadata, statement, dag_id=DAG, run_id=run_id, task_id=task_id)[0][0])

    def sessions_at_work(self) -> int:
        """Return how many sessions of the pipeline are in a transaction."""
        statement = """
            select count(*) from pg_stat_activity where application_name = 'points-expiration'
                and datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()
        """
        return int(rows(self.loyalty, statement)[0][0])

    def wait_for_run(self, run_id: str, state: str = "success", dag_id: str = DAG) -> None:
        """Wait until a run is in a state."""
        statement = """
            select state from dag_run where dag_id = %(dag_id)s and run_id = %(run_id)s
        """
        self.wait_until(
            f"{run_id} to be {state}",
            lambda: rows(self.metadata, statement, dag_id=dag_id, run_id=run_id) == [(state,)],
        )

    def wait_until(self, what: str, is_so: Callable[[], object]) -> None:
        """Wait a bounded time; the failure shows what the scheduler was doing."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline, f"waited in vain for {what}\n{self._story()}"
            time.sleep(0.2)

    def _story(self) -> str:
        statement = "select run_id, task_id, map_index, state from task_instance where "
        unfinished = "state is distinct from 'success' order by run_id, task_id"
        tasks = "\n".join(map(str, rows(self.metadata, statement + unfinished)))
        return f"{tasks}\n{self._scheduler_log()[-6000:]}"

    def trigger(
        self,
        *,
        conf: dict[str, Any] | None = None,
        logical_date: str | None = None,
        dag_id: str = DAG,
    ) -> str:
        """Trigger a DAG as the UI does; return the id of the run."""
        body = {"conf": conf or {}, "logical_date": logical_date}
        return str(self._ask("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def pause(self, dag_id: str, is_paused: bool = True) -> None:
        """Pause a DAG, or have it scheduled again, as the UI does."""
        self._ask("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": is_paused})

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return what the REST API says of a run."""
        found: dict[str, Any] = self._ask("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")
        return found

    def instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return what the REST API says of the task instances of a run."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=1000"
        found: list[dict[str, Any]] = self._ask("GET", path)["task_instances"]
        return found

    def clear_task(self, run_id: str, task_id: str) -> None:
        """Clear one task of a run of the main DAG, and no other, as the UI does."""
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": [task_id], "only_failed": False}
        cleared = self._ask("POST", f"/api/v2/dags/{DAG}/clearTaskInstances", body)
        assert cleared["total_entries"] == 1

    def approve(self, dag_id: str, run_id: str) -> str:
        """Press Approve in the UI; return the question that was asked."""
        # An answer before the scheduler has heard that the task waits, quicker than any person's,
        # has Airflow 3.3.2 take the task for one that died.
        self.wait_until(f"a question of {run_id}", lambda: self.asks(run_id))
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/approval/-1/hitlDetails"
        question = self._ask("GET", path)["subject"]
        self._ask("PATCH", path, {"chosen_options": ["Approve"]})
        return str(question)

    def asks(self, run_id: str) -> bool:
        """Tell whether the scheduler knows that a run's approval waits for a person."""
        heard = rf"Received executor event .*task_id='approval', run_id='{re.escape(run_id)}'"
        return re.search(heard, self._scheduler_log()) is not None

    def _scheduler_log(self) -> str:
        return (self.folder / "logs" / "scheduler.log").read_text(errors="replace")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if path != "/auth/token":
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(  # noqa: S310 - the address is this machine's
            self.address + path.replace("+", "%2B"),
            data=json.dumps(body).encode() if body else None,
            headers=headers,
            method=method,
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return json.load(answer)

    @property
    def address(self) -> str:
        """Return where the UI is."""
        return f"http://127.0.0.1:{json.loads((self.folder / 'ui-port.json').read_text())['port']}"

    @cached_property
    def _token(self) -> str:
        secrets = json.loads((self.folder / "airflow" / "secrets.json").read_text())
        login = {"username": "admin", "password": secrets["admin_password"]}
        return str(self._ask("POST", "/auth/token", login)["access_token"])

    def close_mail_server(self) -> None:
        """End the inbox and leave its name to a program that listens nowhere."""
        processes.stop("inbox", home=self.folder)
        processes.start(
            "inbox",
            ["sleep", "600"],
            home=self.folder,
            env={"PATH": os.defpath},
            log=self.folder / "logs" / "inbox.log",
        )

    def open_mail_server(self) -> None:
        """End the stand-in; the next command starts the inbox, on its ports as before."""
        processes.stop("inbox", home=self.folder)


def latest_run_instant() -> datetime:
    """Return the last 02:00 UTC before now."""
    two_hours_ago = datetime.now(UTC) - timedelta(hours=2)
    return two_hours_ago.replace(hour=2, minute=0, second=0, microsecond=0)
