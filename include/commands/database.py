"""The database a command works on: what `AIRFLOW_CONN_LOYALTY_DB` names, or the embedded one."""

from __future__ import annotations

import os

from sqlalchemy import Engine

from include.connections import DATABASE, VARIABLES, database_url
from include.database import connect
from include.embedded import airflow, postgres
from include.embedded.workplace import LOYALTY_DATABASE
from include.errors import ConfigurationError
from include.settings import state_dir


def loyalty_engine() -> Engine:
    """Return an engine on the loyalty database; starts the embedded server where none is named.

    Raises:
        ConfigurationError: `AIRFLOW_CONN_LOYALTY_DB` cannot be read.
    """
    if not os.environ.get(VARIABLES[0]):
        server = postgres.start(state_dir() / "postgres")
        postgres.ensure_database(server, LOYALTY_DATABASE)
        return connect(server.url(LOYALTY_DATABASE))
    os.environ.setdefault("AIRFLOW_HOME", str(airflow.home()))
    return connect(database_url(airflow_connection(DATABASE)))


def airflow_connection(name: str) -> object:
    """Return the Airflow connection that the environment names, a URI or JSON."""
    # Imported late: Airflow reads its settings once, when it is imported.
    from airflow.sdk import BaseHook

    try:
        return BaseHook.get_connection(name)
    except Exception as error:
        raise ConfigurationError(
            f"AIRFLOW_CONN_{name.upper()} cannot be read; write it like "
            "postgresql://user:password@host:5432/database."
        ) from error
