"""What a mail server answers, or does not, and what becomes of the mails then."""

import pytest

from include.errors import MailServerError
from include.mail.figures import SendFigures
from tests.mail.rows import NOW, card, expired, mail_row, notice, rows, status, warning
from tests.mail.scripted_server import DROP, Step, scripted_server
from tests.mail.sending import send


@pytest.fixture(autouse=True)
def _clock(at):
    at(NOW)


def later(monkeypatch, minutes):
    monkeypatch.setenv("LOYALTY_NOW", f"2024-03-10T12:{minutes:02}:00+00:00")


def test_server_that_is_down_leaves_everything_queued(engine):
    mail_id = warning(engine, card(engine))
    with scripted_server() as server:
        pass
    with pytest.raises(MailServerError, match="cannot be reached"):
        send(engine, server)
    row = mail_row(engine, mail_id)
    assert (row.status, row.attempts, row.sender_id) == ("queued", 0, None)
    assert notice(engine, mail_id)[1:] == (None, None)
    with scripted_server() as server:
        assert send(engine, server) == SendFigures(sent=1)


def test_what_a_dying_server_took_is_recorded(engine):
    card_id = card(engine)
    ids = [expired(engine, card_id, key=f"expired:{number}") for number in range(4)]
    with scripted_server(Step(), Step(), Step(mail="553 not from you")) as server:
        with pytest.raises(MailServerError):
            send(engine, server)
        assert [status(engine, each) for each in ids] == ["sent", "sent", "queued", "queued"]
        assert send(engine, server) == SendFigures(sent=2)
    assert len(server.payloads) == 4


def test_recipient_on_whom_the_server_hangs_up_is_put_off_and_stops_no_other(engine, monkeypatch):
    card_id = card(engine)
    ids = [expired(engine, card_id, key=f"expired:{number}") for number in range(4)]
    with scripted_server(Step(), Step(rcpt=DROP), Step(rcpt=DROP)) as server:
        assert send(engine, server, ids) == SendFigures(sent=3, put_off=1)
        row = mail_row(engine, ids[1])
        assert (row.status, row.attempts, row.sender_id) == ("queued", 0, None)
        assert row.next_attempt_at.isoformat() == "2024-03-10T12:10:00+00:00"
        later(monkeypatch, 9)
        assert send(engine, server) == SendFigures()
        later(monkeypatch, 10)
        server.steps = [Step(rcpt=DROP), Step(rcpt=DROP)]
        # Alone it does not make the task red: the server was well when it took the others.
        assert send(engine, server) == SendFigures(put_off=1)
        later(monkeypatch, 20)
        assert send(engine, server) == SendFigures(sent=1)
    assert [status(engine, each) for each in ids] == ["sent"] * 4


@pytest.mark.parametrize("mails", [1, 2, 5])
def test_server_that_hangs_up_on_every_mail_leaves_all_queued_and_due(engine, mails):
    card_id = card(engine)
    ids = [expired(engine, card_id, key=f"expired:{number}") for number in range(mails)]
    with scripted_server() as server:
        server.otherwise = Step(mail="421 going down")
        with pytest.raises(MailServerError, match="stay queued"):
            send(engine, server)
        for row in (mail_row(engine, each) for each in ids):
            assert (row.status, row.attempts, row.next_attempt_at) == ("queued", 0, None)
        server.otherwise = Step()
        assert send(engine, server) == SendFigures(sent=mails)


def test_temporary_refusal_is_tried_four_times_then_failed(engine, monkeypatch):
    mail_id = warning(engine, card(engine))
    with scripted_server(*[Step(rcpt="450 busy")] * 4) as server:
        # 60, 120 and 240 seconds apart: due at 12:01, 12:03 and 12:07.
        for minute, expected in ((0, "deferred"), (1, "deferred"), (3, "deferred"), (7, "failed")):
            later(monkeypatch, minute)
            send(engine, server)
            assert status(engine, mail_id) == expected
            assert send(engine, server) == SendFigures()
    assert mail_row(engine, mail_id).attempts == 4
    assert notice(engine, mail_id)[1:] == (None, None)


def test_temporary_refusal_then_accepted(engine, monkeypatch):
    mail_id = expired(engine, card(engine))
    with scripted_server(Step(dot="450 greylisted")) as server:
        assert send(engine, server) == SendFigures(deferred=1)
        later(monkeypatch, 1)
        assert send(engine, server) == SendFigures(sent=1)
    row = mail_row(engine, mail_id)
    assert (row.status, row.attempts, row.error_message) == ("sent", 2, None)


def test_permanent_refusal_fails_at_once_and_opens_the_gate(engine):
    mail_id = warning(engine, card(engine))
    with scripted_server(Step(rcpt="550 <anna.muster@home.example> Anna.Muster gone")) as server:
        assert send(engine, server) == SendFigures(failed=1)
    row = mail_row(engine, mail_id)
    assert (row.status, row.attempts, row.recipient_email) == ("failed", 1, None)
    assert row.error_message == "550 <<address>> <address> gone"
    assert notice(engine, mail_id) == ("2024-03-24", None, "2024-03-10")


RELAYING_DENIED = Step(rcpt="554 5.7.1 relay access denied")


def asked(server):
    return sum(command.upper().startswith("RCPT") for command in server.commands)


def many(engine, mails, key="expired"):
    card_id = card(engine)
    return [expired(engine, card_id, key=f"{key}:{number}") for number in range(mails)]


@pytest.mark.parametrize("refused", [0, 1, 29])
def test_refusal_by_a_server_that_takes_others_is_for_good(engine, refused):
    many(engine, refused)
    mail_id = warning(engine, card(engine))
    many(engine, 29 - refused, "more")
    # The other 29 mails are taken, some in a handful before, some in one after.
    with scripted_server(*[Step()] * refused, RELAYING_DENIED) as server:
        assert send(engine, server) == SendFigures(sent=29, failed=1)
    row = mail_row(engine, mail_id)
    assert (row.status, row.attempts) == ("failed", 1)
    assert row.error_message == "554 5.7.1 relay access denied"
    assert notice(engine, mail_id) == ("2024-03-24", None, "2024-03-10")


def test_those_refused_before_the_server_took_any_are_asked_about_once_more(engine):
    ids = many(engine, 40)
    refused = [RELAYING_DENIED] * 30
    with scripted_server(*refused, *[Step()] * 10, *refused) as server:
        assert send(engine, server) == SendFigures(sent=10, failed=30)
    # The second handful told that the server takes mails: of the first, all came again.
    assert asked(server) == 40 + 25
    assert [mail_row(engine, each).attempts for each in ids] == [1] * 40


def test_refusal_by_a_server_that_takes_no_other_defers_the_mail_and_opens_no_gate(
    engine, monkeypatch
):
    mail_id = warning(engine, card(engine))
    with scripted_server() as server:
        server.otherwise = RELAYING_DENIED
        for minute, expected in ((0, "deferred"), (1, "deferred"), (3, "deferred"), (7, "failed")):
            later(monkeypatch, minute)
            send(engine, server)
            assert status(engine, mail_id) == expected
    assert notice(engine, mail_id) == ("2024-03-24", None, None)


@pytest.mark.parametrize("mails", [5, 30])
def test_server_that_refuses_all_mails_on_our_account_stops_the_sender_and_loses_none(
    engine, mails
):
    ids = many(engine, mails)
    with scripted_server() as server:
        server.otherwise = RELAYING_DENIED
        with pytest.raises(MailServerError, match=r"not because of its recipient \(554 5\.7\.1\)"):
            send(engine, server)
        for row in (mail_row(engine, each) for each in ids):
            assert (row.status, row.attempts, row.next_attempt_at) == ("queued", 0, None)
        server.otherwise = Step()
        assert send(engine, server) == SendFigures(sent=mails)


def test_a_try_after_fifty_refusals_begins_with_the_others(engine, monkeypatch):
    ids = many(engine, 60)
    with scripted_server() as server:
        server.otherwise = RELAYING_DENIED
        with pytest.raises(MailServerError, match="refuses every mail"):
            send(engine, server)
        assert asked(server) == 50
        row = mail_row(engine, ids[0])
        assert (row.status, row.attempts) == ("queued", 0)
        assert row.error_message.startswith("The server refused this mail and all others")
        server.otherwise = Step()
        assert send(engine, server) == SendFigures(sent=10)
        later(monkeypatch, 10)
        assert send(engine, server) == SendFigures(sent=50)


@pytest.mark.parametrize(
    ("first_name", "kept"),
    [
        ("No", "550 5.1.1 ... such user here"),
        ("such user", "550 5.1.1 No ... here"),
        ("O'No (such)", "550 5.1.1 No such user here"),
        ("(here)", "550 5.1.1 No such user ..."),
        ("e", "550 5.1.1 No such user here"),
        ("", "550 5.1.1 No such user here"),
    ],
)
def test_an_answer_is_kept_without_the_customers_name_and_told_by_its_code(
    engine, caplog, first_name, kept
):
    mail_id = expired(engine, card(engine, first_name=first_name))
    with scripted_server(Step(rcpt="550 5.1.1 No such user here")) as server:
        send(engine, server)
    assert mail_row(engine, mail_id).error_message == kept
    assert rows(engine, "select * from loyalty.mails_naming_a_customer") == []
    assert "permanent (550 5.1.1)" in caplog.text
    assert "such user" not in caplog.text


def test_our_own_words_are_nobodys_name(engine):
    mail_id = expired(engine, card(engine, first_name="The"))
    with scripted_server(Step(dot=DROP)) as server:
        send(engine, server)
    assert mail_row(engine, mail_id).error_message.startswith("The connection ended")
    assert rows(engine, "select * from loyalty.mails_naming_a_customer") == []


def test_warning_of_unknown_fate_goes_once_more_under_the_same_message_id(engine):
    mail_id = warning(engine, card(engine))
    with scripted_server(Step(dot=DROP)) as server:
        assert send(engine, server) == SendFigures(ambiguous=1)
        assert mail_row(engine, mail_id).status == "queued"
        assert notice(engine, mail_id) == ("2024-03-24", "2024-03-24", None)
        assert send(engine, server) == SendFigures(sent=1)
    assert mail_row(engine, mail_id).message_id == server.mails[0]["Message-ID"]


def test_warning_of_unknown_fate_twice_waits_and_opens_the_gate(engine):
    mail_id = warning(engine, card(engine))
    with scripted_server(Step(dot=DROP), Step(dot=DROP)) as server:
        send(engine, server, [mail_id])
        assert status(engine, mail_id) == "queued"
        send(engine, server)
        assert send(engine, server) == SendFigures()
    assert status(engine, mail_id) == "ambiguous"
    assert notice(engine, mail_id)[2] == "2024-03-10"


def test_other_mail_of_unknown_fate_waits_for_a_person(engine):
    mail_id = expired(engine, card(engine))
    with scripted_server(Step(dot=DROP)) as server:
        send(engine, server)
        assert send(engine, server) == SendFigures()
    assert status(engine, mail_id) == "ambiguous"
