"""Rate, share done and time left, by a clock that the test moves."""

from __future__ import annotations

import logging

import pytest

from include.cohorts import carry_out, select_cohort
from include.errors import MailServerError
from include.mail.sending import send_due
from include.progress import Progress, Standing, describe
from include.runs import RunRequest, open_run
from tests import factories
from tests.mail import rows as mail_rows
from tests.mail.scripted_server import DROP, Step, scripted_server


class Task:
    """So many things to do, a clock, and what was told."""

    def __init__(self, left: int) -> None:
        self.left, self.now = left, 1000.0
        self.told: list[Standing] = []
        self.progress = Progress(lambda: self.left, self.told.append, clock=lambda: self.now)

    def work(self, done: int, seconds: float, *, by_others: int = 0) -> None:
        self.left -= done + by_others
        self.now += seconds
        self.progress.add(done)


def test_nothing_is_told_before_ten_seconds_have_passed():
    task = Task(100)
    task.work(10, 9.9)
    assert task.told == []
    task.work(10, 0.1)
    # 20 of 100 in 10 seconds: 2 a second, 80 left in 40 seconds.
    assert task.told == [Standing(done=20, per_second=2.0, share=0.2, seconds_left=40.0)]


def test_quick_chunks_are_told_once_in_ten_seconds():
    task = Task(1000)
    for _ in range(250):
        task.work(1, 0.1)
    assert [standing.done for standing in task.told] == [100, 200]


def test_a_queue_that_takes_long_to_count_is_counted_less_often():
    task = Task(1000)

    def count_slowly() -> int:
        task.now += 5
        return task.left

    task.progress = Progress(count_slowly, task.told.append, clock=lambda: task.now)
    # Five seconds of counting allow for the next one fifty seconds after it was begun.
    for seconds in (49, 1, 44, 1):
        task.work(1, seconds)
    assert [standing.done for standing in task.told] == [2, 4]


def test_work_of_others_brings_the_end_nearer_but_is_not_our_rate():
    task = Task(100)
    task.work(10, 10, by_others=40)
    # Half is done, by all of them in 10 seconds; the other half takes as long again.
    assert task.told == [Standing(done=10, per_second=1.0, share=0.5, seconds_left=10.0)]


def test_new_work_that_comes_meanwhile_counts():
    task = Task(10)
    task.left += 30
    task.work(10, 10)
    assert task.told == [Standing(done=10, per_second=1.0, share=0.25, seconds_left=30.0)]


def test_task_that_does_nothing_has_no_end_in_sight():
    task = Task(10)
    task.work(0, 10)
    assert task.told == [Standing(done=0, per_second=0.0, share=0.0, seconds_left=None)]


def test_end_is_told_even_at_once_but_not_where_there_was_nothing_to_do():
    task = Task(5)
    task.progress.end()
    assert task.told == []
    task.work(5, 0)
    task.progress.end()
    (standing,) = task.told
    assert (standing.done, standing.share, standing.seconds_left) == (5, 1.0, 0.0)


@pytest.mark.parametrize(
    ("seconds_left", "words"),
    [
        (None, "no end in sight"),
        (0.0, "0 s left"),
        (59.6, "1 min 0 s left"),
        (3725.0, "1 h 2 min left"),
    ],
)
def test_standing_is_told_in_words(seconds_left, words):
    standing = Standing(done=12000, per_second=1150.4, share=0.999, seconds_left=seconds_left)
    assert describe(standing) == f"12,000 done, 1,150 a second, 99 % of all, {words}"


def test_expiry_tells_its_progress_in_the_log_and_to_whoever_listens(engine, at, caplog):
    as_of = at("2026-03-02T02:00:00+00:00")
    program = factories.program(engine)
    for _ in range(3):
        factories.card(engine, program)
    run_id = open_run(engine, RunRequest("dag", "run", as_of))
    select_cohort(engine, run_id, "expiry")
    told: list[Standing] = []
    with caplog.at_level(logging.INFO):
        carry_out(engine, run_id, "expiry", tell=told.append)
    assert [(standing.done, standing.share) for standing in told] == [(3, 1.0)]
    assert "Cards (expiry): 3 done" in caplog.text
    carry_out(engine, run_id, "expiry", tell=told.append)
    assert len(told) == 1


def test_sender_tells_its_progress_suppressed_mails_included(engine, monkeypatch, caplog):
    monkeypatch.setenv("LOYALTY_NOW", mail_rows.NOW)
    for email in ("anna@home.example", None):
        mail_rows.warning(engine, mail_rows.card(engine, email=email))
    told: list[Standing] = []
    with scripted_server() as server, caplog.at_level(logging.INFO):
        send_due(engine, server.as_mail_server(), named_ids=None, tell=told.append)
    assert [(standing.done, standing.share) for standing in told] == [(2, 1.0)]
    assert "Mails: 2 done" in caplog.text


def test_sender_counts_what_went_before_its_server_broke_down(engine, monkeypatch):
    monkeypatch.setenv("LOYALTY_NOW", mail_rows.NOW)
    for _ in range(8):
        mail_rows.warning(engine, mail_rows.card(engine))
    counted: list[dict[str, int]] = []
    with scripted_server(Step(), otherwise=Step(mail=DROP)) as server:
        with pytest.raises(MailServerError):
            send_due(engine, server.as_mail_server(), named_ids=None, count=counted.append)
    assert [figures["sent"] for figures in counted] == [1]
