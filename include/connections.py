"""The thin edge to Airflow's connections `loyalty_db` and `loyalty_smtp`."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import URL

from include.errors import ConfigurationError
from include.mail.server import MailServer

DATABASE, MAIL = "loyalty_db", "loyalty_smtp"
VARIABLES = ("AIRFLOW_CONN_LOYALTY_DB", "AIRFLOW_CONN_LOYALTY_SMTP")
FALSE_WORDS = {"", "0", "false", "no", "off"}


def database_url(connection: Any) -> str:
    """Return the SQLAlchemy address that an Airflow connection of type postgres names.

    Raises:
        ConfigurationError: the connection is of another type or names no database.
    """
    if not str(connection.conn_type).startswith("postgres"):
        raise ConfigurationError(
            f"The connection {DATABASE} is of type {connection.conn_type!r}; it has to be a "
            "PostgreSQL connection like postgresql://user:password@host:5432/database."
        )
    if not connection.schema:
        raise ConfigurationError(f"The connection {DATABASE} names no database.")
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


def mail_server(connection: Any) -> MailServer:
    """Return the mail server that an Airflow connection of type smtp names, with its extras.

    Raises:
        ConfigurationError: the connection names no host.
    """
    if not connection.host:
        raise ConfigurationError(f"The connection {MAIL} names no host.")
    extra = connection.extra_dejson
    use_ssl = not _is_true(extra.get("disable_ssl"))
    return MailServer(
        host=connection.host,
        port=connection.port or (465 if use_ssl else 25),
        user=connection.login or None,
        password=connection.password or None,
        use_ssl=use_ssl,
        # As Airflow's own extras: TLS from the first byte, else STARTTLS, unless disabled.
        use_starttls=not use_ssl and not _is_true(extra.get("disable_tls")),
        from_email=extra.get("from_email") or _default_sender(connection),
        timeout_seconds=float(extra.get("timeout") or 30),
    )


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


def _is_true(value: Any) -> bool:
    return str(value or "").strip().lower() not in FALSE_WORDS


def _default_sender(connection: Any) -> str:
    if connection.login and "@" in connection.login:
        return str(connection.login)
    host = connection.host if any(letter.isalpha() for letter in connection.host) else "localhost"
    return f"no-reply@{host}"
