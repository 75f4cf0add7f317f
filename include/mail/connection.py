"""What Airflow's connection `loyalty_smtp` and its extras say of the mail server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from include.connections import MAIL
from include.errors import ConfigurationError
from include.mail.server import MailServer
from include.mail.signing import Signature

FALSE_WORDS = {"", "0", "false", "no", "off"}
CEILING = 1_000_000
CONNECTIONS_MAX = 50


def mail_server(connection: Any) -> MailServer:
    """Return the mail server that an Airflow connection of type smtp names, with its extras.

    Raises:
        ConfigurationError: the connection names no host, or an extra cannot be honoured.
    """
    if not connection.host:
        raise ConfigurationError(f"The connection {MAIL} names no host.")
    extra = connection.extra_dejson
    _refuse_unknown_ways(extra)
    use_ssl = not _is_true(extra.get("disable_ssl"))
    server = MailServer(
        host=connection.host,
        port=connection.port or (465 if use_ssl else 25),
        user=connection.login or None,
        password=connection.password or None,
        use_ssl=use_ssl,
        # As Airflow's own extras: TLS from the first byte, else STARTTLS, unless disabled.
        use_starttls=not use_ssl and not _is_true(extra.get("disable_tls")),
        from_email=extra.get("from_email") or _default_sender(connection),
        timeout_seconds=_positive(extra, "timeout") or 30.0,
        ca_file=extra.get("ca_file") or None,
        connections=_connections(extra),
        mails_per_second=_positive(extra, "mails_per_second"),
        mails_per_second_per_connection=_positive(extra, "mails_per_second_per_connection"),
    )
    return replace(server, signature=_signature(extra, server))


def _is_true(value: Any) -> bool:
    return str(value or "").strip().lower() not in FALSE_WORDS


def _refuse_unknown_ways(extra: Mapping[str, Any]) -> None:
    # Airflow knows both; silently doing something else would be worse than saying so.
    if str(extra.get("ssl_context") or "default") != "default":
        raise ConfigurationError(
            f"ssl_context of the connection {MAIL} would switch the check of the server's "
            "certificate off; name its certificate authority in ca_file instead."
        )
    if str(extra.get("auth_type") or "basic") != "basic":
        raise ConfigurationError(
            f"auth_type {extra['auth_type']!r} of the connection {MAIL} is not supported; use a "
            "login and a password."
        )


def _connections(extra: Mapping[str, Any]) -> int:
    text = str(extra.get("connections") or "1").strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= CONNECTIONS_MAX):
        raise ConfigurationError(
            f"connections of the connection {MAIL} is {text!r}; set it to a whole number from 1 to "
            f"{CONNECTIONS_MAX}."
        )
    return int(text)


def _positive(extra: Mapping[str, Any], name: str) -> float | None:
    text = str(extra.get(name) or "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < CEILING:
        raise ConfigurationError(
            f"{name} of the connection {MAIL} is {text!r}; set it to a number above 0, or remove "
            "it."
        )
    return value


def _signature(extra: Mapping[str, Any], server: MailServer) -> Signature | None:
    key, selector = extra.get("dkim_private_key"), extra.get("dkim_selector")
    if not key and not selector:
        return None
    if not (key and selector):
        raise ConfigurationError(
            f"The connection {MAIL} needs both dkim_selector and dkim_private_key, or neither."
        )
    domain = extra.get("dkim_domain") or server.sender_address.rpartition("@")[2]
    signature = Signature(domain=str(domain), selector=str(selector), private_key=str(key))
    signature.require_usable()
    return signature


def _default_sender(connection: Any) -> str:
    if connection.login and "@" in connection.login:
        return str(connection.login)
    host = connection.host if any(letter.isalpha() for letter in connection.host) else "localhost"
    return f"no-reply@{host}"
