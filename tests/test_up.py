"""`make up` says so where Airflow runs already on something else."""

from __future__ import annotations

import pytest

from include.commands import up
from include.errors import ServerError
from include.settings import state_dir

DATABASE, MAIL = "AIRFLOW_CONN_LOYALTY_DB", "AIRFLOW_CONN_LOYALTY_SMTP"


def test_airflow_on_other_connections_is_not_passed_for_one_on_these(monkeypatch):
    state_dir().mkdir()
    runs = []
    monkeypatch.setattr(up.processes, "running", lambda *_: (runs and 7) or None)
    for connection in ("postgresql://a@db.example/shop", "postgresql://a@db.example/other"):
        # Nothing runs yet: the latest connections are those that it will be started on.
        monkeypatch.setenv(DATABASE, connection)
        up._note_connections()
    runs.append("api-server")
    up._note_connections()
    for name, other in (
        (DATABASE, "postgresql://a@db.example/shop"),
        (MAIL, "smtp://mail.example"),
    ):
        with monkeypatch.context() as changed:
            changed.setenv(name, other)
            with pytest.raises(ServerError, match="`make down`, then `make up` again"):
                up._note_connections()
    up._note_connections()
