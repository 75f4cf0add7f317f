from __future__ import annotations

import threading
import time

import pytest

from include.errors import MailServerError
from include.mail import pace
from include.mail.dispatch import Dispatch
from include.mail.pace import Pace
from include.mail.writing import Letter
from tests.mail.scripted_server import Step, scripted_server

LETTERS = {
    number: Letter(f"customer{number}@home.example", f"<{number}@a>", b"Subject: x\r\n\r\nx\r\n")
    for number in range(12)
}


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(pace.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(pace.time, "sleep", self._sleep)

    def _sleep(self, seconds):
        self.now += seconds


def test_connections_carry_mails_at_the_same_time(monkeypatch):
    # Each mail's answer waits until as many mails are on their way as there are connections.
    together = threading.Barrier(3, timeout=10)
    with scripted_server(before_answer=together.wait) as server:
        with Dispatch(server.as_mail_server(connections=3)) as dispatch:
            answers = {}
            dispatch.send(LETTERS, answers)
    assert {answer.outcome for answer in answers.values()} == {"sent"}
    assert sorted(server.recipients) == sorted(letter.recipient for letter in LETTERS.values())
    assert server.connections == 3


def test_refusing_server_stops_all_connections_and_what_was_not_begun_has_no_answer():
    with scripted_server(*[Step()] * 3, otherwise=Step(mail="553 not from you")) as server:
        with Dispatch(server.as_mail_server(connections=2)) as dispatch:
            answers = {}
            with pytest.raises(MailServerError, match="refuses the sender"):
                dispatch.send(LETTERS, answers)
    assert [answer.outcome for answer in answers.values()] == ["sent"] * 3
    # Each connection asked once for a mail that was refused, at the most.
    assert sum(command.startswith("MAIL") for command in server.commands) <= 5


def test_mail_that_an_error_of_ours_interrupts_is_of_unknown_fate(monkeypatch):
    with scripted_server() as server, Dispatch(server.as_mail_server()) as dispatch:
        monkeypatch.setattr(dispatch._sessions[0], "send", lambda *_: 1 / 0)
        answers = {}
        with pytest.raises(ZeroDivisionError):
            dispatch.send(LETTERS, answers)
    assert {number: answer.outcome for number, answer in answers.items()} == {0: "ambiguous"}


def test_pace_keeps_mails_apart_and_is_shared_by_the_senders(monkeypatch):
    clock = Clock(monkeypatch)
    limited = Pace(10)
    for _ in range(11):
        limited.wait()
    assert clock.now == pytest.approx(1001.0)  # ten gaps of a tenth of a second
    limited.share(4)
    limited.wait()  # the gap before it was still the old one
    limited.wait()
    assert clock.now == pytest.approx(1001.5)  # 0.1 + 0.4


def test_time_not_used_is_no_credit(monkeypatch):
    clock = Clock(monkeypatch)
    limited = Pace(10)
    limited.wait()
    clock.now += 60
    for _ in range(3):
        limited.wait()
    assert clock.now == pytest.approx(1060.2)


def test_no_limit_waits_for_nothing(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it slept"))
    for _ in range(100):
        Pace(None).wait()


def test_each_connection_keeps_its_own_pace_within_that_of_all(monkeypatch):
    clock = Clock(monkeypatch)
    with scripted_server() as server:
        slow = server.as_mail_server(mails_per_second=4, mails_per_second_per_connection=2)
        with Dispatch(slow) as dispatch:
            dispatch.send(dict(list(LETTERS.items())[:5]), {})
    assert clock.now == pytest.approx(1002.0)  # four gaps of half a second
