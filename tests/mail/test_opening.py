"""Encrypted connections and logins, that succeed and that do not."""

from __future__ import annotations

import logging

import pytest

from include.errors import ConfigurationError, MailServerError
from include.mail.figures import SendFigures
from include.mail.sending import send_due
from tests.mail.authority import Authority
from tests.mail.rows import NOW, card, mail_row, notice, warning
from tests.mail.scripted_server import scripted_server

LOGIN = {"user": "shop", "password": "geheim123"}
PLAIN = "AUTH PLAIN AHNob3AAZ2VoZWltMTIz"  # base64 of \0shop\0geheim123


@pytest.fixture(autouse=True)
def _clock(at):
    at(NOW)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def send(engine, server, **settings):
    return send_due(engine, server.as_mail_server(**settings), named_ids=None)


def refused(engine, server, match, caplog, **settings):
    """See that nothing is sent, everything stays queued, and no secret is told."""
    mail_id = warning(engine, card(engine))
    with caplog.at_level(logging.DEBUG), pytest.raises(MailServerError, match=match) as told:
        send(engine, server, **settings)
    row = mail_row(engine, mail_id)
    assert (row.status, row.attempts, row.sender_id) == ("queued", 0, None)
    assert notice(engine, mail_id)[1:] == (None, None)
    assert server.payloads == []
    assert "stay queued" in str(told.value)
    for secret in ("geheim123", "AHNob3AAZ2VoZWltMTIz", "anna.muster"):
        assert secret not in str(told.value) + caplog.text


@pytest.mark.parametrize(
    ("way", "script"), [("use_starttls", {"starttls": "220 go on"}), ("use_ssl", {})]
)
def test_mail_and_password_travel_encrypted(engine, authority, way, script):
    warning(engine, card(engine))
    with scripted_server(tls=authority.context(), auth="235 welcome", **script) as server:
        settings = {way: True, "ca_file": str(authority.ca_file)}
        assert send(engine, server, **settings, **LOGIN) == SendFigures(sent=1)
    assert server.connections == 1
    assert PLAIN in server.commands
    told_openly = [
        command
        for command, encrypted in zip(server.commands, server.encrypted, strict=True)
        if not encrypted
    ]
    assert [command.split()[0].upper() for command in told_openly] == (
        ["EHLO", "STARTTLS"] if script else []
    )


@pytest.mark.parametrize(
    ("way", "script"), [("use_starttls", {"starttls": "220 go on"}), ("use_ssl", {})]
)
def test_server_with_a_certificate_of_nobody_we_know_gets_nothing(
    engine, authority, caplog, way, script
):
    with scripted_server(tls=authority.context(), auth="235 welcome", **script) as server:
        refused(engine, server, "cannot agree on encryption", caplog, **{way: True}, **LOGIN)
    assert not any("AUTH" in command for command in server.commands)


def test_certificate_for_another_host_and_an_expired_one_are_refused(engine, tmp_path, caplog):
    for number, faults in enumerate(({"address": "127.0.0.2"}, {"days": -1})):
        folder = tmp_path / str(number)
        folder.mkdir()
        other = Authority(folder, **faults)
        with scripted_server(tls=other.context()) as server:
            settings = {"use_ssl": True, "ca_file": str(other.ca_file)}
            refused(engine, server, "cannot agree on encryption", caplog, **settings)


@pytest.mark.parametrize("answer", ["220 go on", "454 TLS not available", "421 bye"])
def test_broken_tls_leaves_everything_queued(engine, caplog, answer):
    with scripted_server(starttls=answer) as server:
        refused(engine, server, "encryption|turns us away", caplog, use_starttls=True, **LOGIN)
    assert not any("AUTH" in command for command in server.commands)


def test_plain_server_is_not_taken_for_an_encrypted_one(engine, caplog):
    with scripted_server() as server:
        refused(engine, server, "127.0.0.1", caplog, use_ssl=True)
        refused(engine, server, "no STARTTLS .* disable_tls", caplog, use_starttls=True)


@pytest.mark.parametrize("answer", ["535 5.7.8 geheim123 is wrong", "454 later", "421 bye"])
def test_refused_login_leaves_everything_queued(engine, caplog, answer):
    with scripted_server(auth=answer) as server:
        refused(engine, server, f"{answer[:3]}|cannot be reached", caplog, **LOGIN)
    assert not any(command.startswith("MAIL") for command in server.commands)


def test_server_without_a_login_we_know_gets_nothing(engine, caplog):
    with scripted_server() as server:
        refused(engine, server, "offers no login", caplog, **LOGIN)


def test_missing_authority_is_named_and_claims_stay(engine, tmp_path):
    mail_id = warning(engine, card(engine))
    with scripted_server() as server, pytest.raises(ConfigurationError, match=r"nowhere\.pem"):
        send(engine, server, use_ssl=True, ca_file=str(tmp_path / "nowhere.pem"))
    assert mail_row(engine, mail_id).status == "queued"
