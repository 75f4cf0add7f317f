import socket
import threading

import pytest

from include.errors import ConfigurationError, MailServerError
from include.mail.answers import scrub
from include.mail.delivery import SmtpSession
from include.mail.server import MailServer
from tests.mail.scripted_server import DROP, ScriptedServer, Step, scripted_server

MESSAGE = b"Subject: hello\r\n\r\nfirst\r\n.second\r\n"
ANNA = "anna@home.example"


@pytest.fixture(autouse=True, params=["one by one", "pipelined"])
def way(request, monkeypatch):
    """How the envelope goes: command by command, or at once where the server is able to."""
    monkeypatch.setattr(ScriptedServer, "offers", ["PIPELINING"] * (request.param == "pipelined"))
    return request.param


def test_mails_share_one_connection_and_arrive_as_written():
    with scripted_server() as server, SmtpSession(server.as_mail_server()) as session:
        answers = [session.send(ANNA, MESSAGE).outcome for _ in range(3)]
    assert answers == ["sent"] * 3
    assert server.connections == 1
    assert server.payloads == [MESSAGE] * 3
    assert "MAIL FROM:<points@shop.example>" in server.commands


def test_nothing_is_connected_before_the_first_mail():
    with scripted_server() as server, SmtpSession(server.as_mail_server()):
        pass
    assert server.connections == 0


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (Step(rcpt="450 mailbox busy"), "temporary"),
        (Step(data="451 later"), "temporary"),
        (Step(dot="452 disk full"), "temporary"),
        (Step(dot="421 closing"), "temporary"),
        (Step(rcpt="550 no such user"), "permanent"),
        (Step(data="554 no"), "permanent"),
        (Step(dot="554 spam"), "permanent"),
        (Step(rcpt="550 5.1.1 no such user"), "permanent"),
        (Step(dot="552 5.2.2 mailbox full"), "permanent"),
        (Step(rcpt="550 5.1.78 odd"), "permanent"),
        (Step(rcpt="550 5.1.8 sender address rejected: domain not found"), "unwelcome"),
        (Step(dot="554 5.4.14 loop"), "permanent"),
        (Step(rcpt="554 5.7.1 relay access denied"), "unwelcome"),
        (Step(dot="550-5.7.26 unauthenticated\r\n550 5.7.26 sender"), "unwelcome"),
        (Step(dot="552 5.3.4 too big"), "unwelcome"),
        (Step(dot="554 5.6.0 malformed"), "unwelcome"),
        (Step(dot=DROP), "ambiguous"),
    ],
)
def test_answer_about_the_recipient_settles_this_mail_only(step, outcome):
    with scripted_server(step) as server, SmtpSession(server.as_mail_server()) as session:
        first, second = (session.send(ANNA, MESSAGE) for _ in range(2))
    assert (first.outcome, second.outcome) == (outcome, "sent")


@pytest.mark.parametrize(
    "step", [Step(mail="421 bye"), Step(mail=DROP), Step(rcpt=DROP), Step(data=DROP)]
)
def test_hang_up_before_the_data_is_tried_once_more(step):
    with scripted_server(step) as server, SmtpSession(server.as_mail_server()) as session:
        assert session.send(ANNA, MESSAGE).outcome == "sent"
    assert server.connections == 2
    assert len(server.payloads) == 1


def test_server_that_does_not_bear_what_it_announced_is_asked_one_by_one(way):
    # It drops whoever sends more than one command at once.
    with scripted_server(impatient=True) as server, SmtpSession(server.as_mail_server()) as session:
        assert [session.send(ANNA, MESSAGE).outcome for _ in range(2)] == ["sent", "sent"]
    assert server.connections == (2 if way == "pipelined" else 1)


def test_mail_that_is_hung_up_on_twice_was_not_handed_over_and_the_next_one_goes():
    steps = Step(rcpt=DROP), Step(mail="421 too busy, anna")
    with scripted_server(*steps) as server, SmtpSession(server.as_mail_server()) as session:
        first, second = (session.send(ANNA, MESSAGE) for _ in range(2))
    assert (first.outcome, second.outcome) == ("hung_up", "sent")
    assert first.text == "The server hung up before the data (421)."
    assert (server.connections, len(server.payloads)) == (3, 1)


def test_three_mails_hung_up_on_in_a_row_stop_the_session():
    with scripted_server() as server, SmtpSession(server.as_mail_server()) as session:
        server.otherwise = Step(rcpt=DROP)
        outcomes = [session.send(ANNA, MESSAGE).outcome for _ in range(3)]
        with pytest.raises(MailServerError, match="hangs up on mail after mail"):
            session.send(ANNA, MESSAGE)
    assert outcomes == ["hung_up"] * 3
    assert server.connections == 6


def test_server_is_not_dialled_for_ever_for_mails_it_hangs_up_on():
    steps = [Step(rcpt=DROP), Step(rcpt=DROP), Step()] * 60
    with scripted_server(*steps) as server, SmtpSession(server.as_mail_server()) as session:
        # 50 mails are hung up on, each twice; each but the last is followed by one that goes.
        outcomes = [session.send(ANNA, MESSAGE).outcome for _ in range(99)]
        with pytest.raises(MailServerError, match="mail after mail"):
            session.send(ANNA, MESSAGE)
    assert outcomes == ["hung_up", "sent"] * 49 + ["hung_up"]


def test_hang_up_inside_the_data_is_no_unknown_fate():
    # More than the sockets' buffers hold, so that the break is seen before the final dot.
    big = b"Subject: big\r\n\r\n" + b"x" * 70 * 1_000_000
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_drop_inside_data, args=(listener, 2), daemon=True)
        thread.start()
        server = MailServer("127.0.0.1", listener.getsockname()[1], timeout_seconds=5)
        with SmtpSession(server) as session:
            assert session.send(ANNA, big).outcome == "hung_up"
        thread.join()


def _drop_inside_data(listener: socket.socket, times: int) -> None:
    for _ in range(times):
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb", buffering=0) as stream:
            stream.write(b"220 hello\r\n")
            for answer in (b"250 a", b"250 b", b"250 c", b"354 go"):
                stream.readline()
                stream.write(answer + b"\r\n")
            connection.recv(1000)


@pytest.mark.parametrize(
    "data", ["554 no valid recipients", "354 go on all the same", "421 bye", DROP]
)
def test_refused_recipient_gets_no_mail_whatever_the_server_says_to_the_data(data):
    refusing = Step(rcpt="550 no such user", data=data)
    with scripted_server(refusing) as server, SmtpSession(server.as_mail_server()) as session:
        first, second = (session.send(ANNA, MESSAGE) for _ in range(2))
    assert (first.outcome, first.text) == ("permanent", "550 no such user")
    assert second.outcome == "sent"
    assert server.payloads == [MESSAGE]


def test_envelope_goes_at_once_only_where_the_server_is_able_to(way):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen: list[bytes] = []
        thread = threading.Thread(target=_listen, args=(listener, way, seen), daemon=True)
        thread.start()
        server = MailServer("127.0.0.1", listener.getsockname()[1], timeout_seconds=5)
        with SmtpSession(server) as session:
            assert session.send(ANNA, MESSAGE).outcome == "sent"
        thread.join()
    # What had arrived when the server looked, before it answered.
    assert [line.split(b" ")[0] for line in seen[0].splitlines()] == (
        [b"MAIL", b"RCPT", b"DATA"] if way == "pipelined" else [b"MAIL"]
    )


def _listen(listener: socket.socket, way: str, seen: list[bytes]) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(b"220 hello\r\n")
        connection.recv(1000)
        connection.sendall(b"250-me\r\n250 PIPELINING\r\n" if way == "pipelined" else b"250 me\r\n")
        seen.append(connection.recv(1000))
        if way == "pipelined":
            connection.sendall(b"250 a\r\n250 b\r\n354 go\r\n")
        else:
            for answer in (b"250 a", b"250 b"):
                connection.sendall(answer + b"\r\n")
                connection.recv(1000)
            connection.sendall(b"354 go\r\n")
        while not connection.recv(1000).endswith(b".\r\n"):
            pass
        connection.sendall(b"250 taken\r\n")
        connection.recv(1000)


def test_three_unknown_fates_in_a_row_stop_the_session():
    steps = [Step(dot=DROP)] * 9
    with scripted_server(*steps) as server, SmtpSession(server.as_mail_server()) as session:
        outcomes = [session.send(ANNA, MESSAGE).outcome for _ in range(3)]
        with pytest.raises(MailServerError, match="mail after mail"):
            session.send(ANNA, MESSAGE)
    assert outcomes == ["ambiguous"] * 3
    assert len(server.steps) == 6


def test_refused_sender_and_demanded_login_are_no_fault_of_the_recipient():
    for step in (Step(mail="553 sender unknown"), Step(rcpt="530 authenticate first")):
        with scripted_server(step) as server, SmtpSession(server.as_mail_server()) as session:
            with pytest.raises(MailServerError, match="stay queued"):
                session.send(ANNA, MESSAGE)


def test_unreachable_server_is_named():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with SmtpSession(MailServer("127.0.0.1", port)) as session:
        with pytest.raises(MailServerError, match=rf"127\.0\.0\.1:{port} cannot be reached"):
            session.send(ANNA, MESSAGE)


def test_refused_login_tells_no_password():
    with scripted_server(auth="535 5.7.8 geheim123 is wrong") as server:
        settings = server.as_mail_server(user="shop", password="geheim123")
        with SmtpSession(settings) as session, pytest.raises(MailServerError) as refused:
            session.send(ANNA, MESSAGE)
    assert "refuses the login (535)" in str(refused.value)
    assert "geheim123" not in str(refused.value) + repr(settings)


def test_accepted_login_sends():
    with scripted_server(auth="235 welcome") as server:
        settings = server.as_mail_server(user="shop", password="geheim123")
        with SmtpSession(settings) as session:
            assert session.send(ANNA, MESSAGE).outcome == "sent"


@pytest.mark.parametrize("wish", [{"use_ssl": True}, {"use_starttls": True}])
def test_wanted_encryption_is_never_given_up(wish):
    with scripted_server() as server, SmtpSession(server.as_mail_server(**wish)) as session:
        # The scripted server speaks no TLS: a plain greeting, and no STARTTLS on offer.
        with pytest.raises(MailServerError, match="stay queued"):
            session.send(ANNA, MESSAGE)
    assert not any(command.startswith("MAIL") for command in server.commands)


def test_password_without_encryption_is_refused_except_on_loopback():
    with pytest.raises(ConfigurationError, match="unencrypted") as refused:
        SmtpSession(MailServer("mail.example", 25, "shop", "geheim123"))
    assert "geheim123" not in str(refused.value)
    for host in ("127.0.0.1", "::1", "localhost"):
        SmtpSession(MailServer(host, 25, "shop", "geheim123", from_email="a@b.example"))


def test_answers_lose_addresses_and_the_name_before_the_at():
    said = "550 5.1.1 <Anna.Muster@home.example>: anna.muster unknown\r\nask postmaster@x"
    assert (
        scrub(said, "anna.muster@home.example")
        == "550 5.1.1 <<address>>: <address> unknown ask <address>"
    )
