"""What the connections' extras mean; no Airflow is needed for that."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from include.errors import ConfigurationError
from include.mail.connection import mail_server

KEY = (
    generate_private_key(65537, 2048)
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)


def connection(**extra):
    return SimpleNamespace(
        host="mail.example", port=None, login=None, password=None, extra_dejson=extra
    )


def test_without_extras_one_encrypted_connection_at_full_speed():
    server = mail_server(connection())
    assert (server.use_ssl, server.port, server.connections) == (True, 465, 1)
    assert (server.mails_per_second, server.mails_per_second_per_connection) == (None, None)
    assert (server.ca_file, server.signature, server.timeout_seconds) == (None, None, 30)


def test_extras_set_pool_pace_and_authority():
    server = mail_server(
        connection(
            disable_ssl=True,
            connections="4",
            mails_per_second=50,
            mails_per_second_per_connection="0.5",
            ca_file="/etc/ca.pem",
            timeout=5,
        )
    )
    assert (server.use_starttls, server.connections, server.ca_file) == (True, 4, "/etc/ca.pem")
    assert (server.mails_per_second, server.mails_per_second_per_connection) == (50, 0.5)
    assert server.timeout_seconds == 5


@pytest.mark.parametrize(
    "extra",
    [
        {"connections": 0.5},
        {"connections": 1000},
        {"connections": "many"},
        {"mails_per_second": -1},
        {"mails_per_second": "nan"},
        {"timeout": "soon"},
        {"ssl_context": "none"},
        {"auth_type": "oauth2"},
        {"dkim_selector": "s1"},
        {"dkim_private_key": KEY},
        {"dkim_selector": "s1", "dkim_private_key": "geheim"},
    ],
)
def test_extra_that_cannot_be_honoured_is_named(extra):
    with pytest.raises(ConfigurationError, match="loyalty_smtp") as refused:
        mail_server(connection(**extra))
    assert next(iter(extra)) in str(refused.value) or "dkim" in str(refused.value)
    assert "geheim" not in str(refused.value)


def test_signature_is_in_the_name_of_the_senders_domain_or_of_the_one_given():
    extra = {"from_email": "Us <a@b.example>", "dkim_selector": "s1", "dkim_private_key": KEY}
    assert mail_server(connection(**extra)).signature.domain == "b.example"
    given = mail_server(connection(**extra, dkim_domain="mail.b.example"))
    assert given.signature.domain == "mail.b.example"
    assert "PRIVATE" not in repr(given)
