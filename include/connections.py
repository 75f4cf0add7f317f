"""The thin edge to Airflow's connections: their names, and the database that one stands for."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import URL

from include.errors import ConfigurationError

DATABASE, MAIL = "loyalty_db", "loyalty_smtp"
# Optional: a read replica of the database, for what counts every card.
REPLICA = "loyalty_db_replica"
VARIABLES = ("AIRFLOW_CONN_LOYALTY_DB", "AIRFLOW_CONN_LOYALTY_SMTP")


def database_url(connection: Any, *, name: str = DATABASE) -> str:
    """Return the SQLAlchemy address that the Airflow connection `name`, a postgres one, stands for.

    Raises:
        ConfigurationError: the connection is of another type or names no database.
    """
    if not str(connection.conn_type).startswith("postgres"):
        raise ConfigurationError(
            f"The connection {name} is of type {connection.conn_type!r}; it has to be a "
            "PostgreSQL connection like postgresql://user:password@host:5432/database."
        )
    if not connection.schema:
        raise ConfigurationError(f"The connection {name} names no database.")
    extra = {name: str(value) for name, value in connection.extra_dejson.items()}
    return URL.create(
        "postgresql+psycopg2",
        username=connection.login,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        database=connection.schema,
        query=extra,
    ).render_as_string(hide_password=False)


def require_pair() -> None:
    """Refuse one real connection beside one embedded default.

    Raises:
        ConfigurationError: exactly one of the two is given; customers' mails would end in a
            local folder and count as sent, or play mails would reach real people.
    """
    given = [name for name in VARIABLES if os.environ.get(name)]
    if len(given) == 1:
        (missing,) = set(VARIABLES) - set(given)
        raise ConfigurationError(
            f"{given[0]} is set but {missing} is not. Set both to use your own database and mail "
            "server, or neither to use the embedded ones."
        )
