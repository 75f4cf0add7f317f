"""Airflow's own REST interface, as its UI uses it: trigger a run, see how its tasks fare."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import Any

from include.embedded import airflow, secrets


@dataclass(frozen=True)
class TaskInstance:
    """One task of a run; `worker` is empty until it runs."""

    task_id: str
    state: str | None
    worker: str


class Interface:
    """A session of the user admin with the api-server at `address`."""

    def __init__(self, address: str) -> None:
        self._address = address
        password = secrets.load(airflow.home())["admin_password"]
        login = {"username": "admin", "password": password}
        self._token = str(self._ask("POST", "/auth/token", login)["access_token"])

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run now with `conf` as its parameters; return its id."""
        body = {"conf": conf, "logical_date": None}
        return str(self._ask("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        return str(self._ask("GET", self._run(dag_id, run_id))["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """Return the tasks of a run, in the order in which they started."""
        path = f"{self._run(dag_id, run_id)}/taskInstances?limit=1000&order_by=start_date"
        return [
            TaskInstance(
                task_id=each["task_id"],
                state=each["state"],
                worker=each["hostname"] or "",
            )
            for each in self._ask("GET", path)["task_instances"]
        ]

    def resize_pool(self, name: str, slots: int) -> None:
        """Let so many tasks of a pool run at the same moment."""
        body = {"pool": name, "slots": slots, "include_deferred": False}
        self._ask("PATCH", f"/api/v2/pools/{name}", body)

    def _run(self, dag_id: str, run_id: str) -> str:
        return f"/api/v2/dags/{dag_id}/dagRuns/{run_id.replace('+', '%2B')}"

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if path != "/auth/token":
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(  # noqa: S310 - the address is this machine's
            self._address + path,
            data=json.dumps(body).encode() if body else None,
            headers=headers,
            method=method,
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return json.load(answer)
