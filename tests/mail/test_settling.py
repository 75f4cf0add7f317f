from __future__ import annotations

import sys

import pytest

from include.commands import settle as command
from include.errors import ConfigurationError
from include.mail.figures import SendFigures
from include.mail.sending import send_due
from include.mail.settling import close, list_ambiguous, send_again
from tests.mail.rows import NOW, card, expired, mail_row, notice, status, warning
from tests.mail.scripted_server import DROP, Step, scripted_server


@pytest.fixture(autouse=True)
def _clock(at):
    at(NOW)


def send(engine, server):
    return send_due(engine, server.as_mail_server(), named_ids=None)


@pytest.fixture
def waiting(engine):
    """Two mails about an expiry, each lost between its dot and the answer."""
    card_id = card(engine)
    ids = [expired(engine, card_id, key=f"expired:{number}") for number in range(2)]
    with scripted_server(Step(dot=DROP), Step(dot=DROP)) as server:
        assert send(engine, server) == SendFigures(ambiguous=2)
    return ids


def run_settle(monkeypatch, engine, *arguments):
    monkeypatch.setattr(command, "loyalty_engine", lambda: engine)
    monkeypatch.setattr(sys, "argv", ["settle", *arguments])
    return command.main()


def test_waiting_mails_are_listed_without_a_name_or_an_address(engine, waiting):
    listed = list_ambiguous(engine)
    assert [(mail.id, mail.template_code) for mail in listed] == [
        (mail_id, "loyalty_points_expired") for mail_id in waiting
    ]
    assert [mail.handed_over_at.isoformat() for mail in listed] == [NOW, NOW]
    assert [mail.message_id for mail in listed] == [
        mail_row(engine, mail_id).message_id for mail_id in waiting
    ]
    assert "nna" not in repr(listed)


def test_mail_sent_again_keeps_its_message_id_and_may_wait_again(engine, waiting):
    first, second = waiting
    message_id = mail_row(engine, first).message_id
    assert send_again(engine, [first]) == [first]
    with scripted_server(Step(dot=DROP)) as server:
        assert send(engine, server) == SendFigures(ambiguous=1)
        assert status(engine, first) == "ambiguous"
        assert send_again(engine, [first]) == [first]
        assert send(engine, server) == SendFigures(sent=1)
    assert [mail["Message-ID"] for mail in server.mails] == [message_id]
    assert status(engine, second) == "ambiguous"


def test_closed_mail_is_final(engine, waiting):
    assert close(engine, None) == waiting
    assert list_ambiguous(engine) == []
    with scripted_server() as server:
        assert send(engine, server) == SendFigures()
    row = mail_row(engine, waiting[0])
    assert row.status == "failed"
    assert "nobody knows" in row.error_message


def test_nobody_settles_what_does_not_wait_or_was_settled(engine, waiting):
    sent = expired(engine, card(engine), key="expired:9", status="sent")
    foreign = expired(engine, card(engine), key=None, status="ambiguous")
    assert close(engine, [waiting[0], sent, foreign]) == [waiting[0]]
    assert send_again(engine, [*waiting, sent, foreign]) == [waiting[1]]
    assert [status(engine, each) for each in (sent, foreign)] == ["sent", "ambiguous"]


def test_closed_warning_has_opened_its_gate_and_is_not_queued_again(engine):
    mail_id = warning(engine, card(engine))
    with scripted_server(Step(dot=DROP), Step(dot=DROP)) as server:
        send(engine, server)
        send(engine, server)
    assert close(engine, [mail_id]) == [mail_id]
    assert notice(engine, mail_id) == ("2024-03-24", "2024-03-24", "2024-03-10")


def test_command_lists_settles_and_says_what_it_could_not(engine, waiting, monkeypatch, capsys):
    first = waiting[0]
    assert run_settle(monkeypatch, engine) == 0
    assert f"{first}  2024-03-10 12:00:00+00:00  loyalty_points_expired" in capsys.readouterr().out
    assert run_settle(monkeypatch, engine, "--send", f"{first}, 999") == 1
    told = capsys.readouterr()
    assert f"Mail {first}: queued again" in told.out
    assert "Mail 999 does not wait" in told.err
    assert run_settle(monkeypatch, engine, "--close", "all") == 0
    assert "No mail waits" in capsys.readouterr().out
    assert [status(engine, each) for each in waiting] == ["queued", "failed"]


def test_unreadable_number_settles_nothing(engine, waiting, monkeypatch):
    with pytest.raises(ConfigurationError, match="write their numbers"):
        run_settle(monkeypatch, engine, "--send", f"{waiting[0]}", "--close", "some")
    assert [status(engine, each) for each in waiting] == ["ambiguous", "ambiguous"]
