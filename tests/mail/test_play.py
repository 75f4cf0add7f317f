"""A mail server plays everything there is, recipient by recipient; then it is down for days."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import pytest

from include.cohort_files import export
from include.errors import MailServerError, UnfinishedError
from include.mail.sending import send_due
from tests import factories
from tests.day import run_day
from tests.mail.rows import NOW, card, expired, mail_row, one, rows, run, status, warning
from tests.mail.scripted_server import DROP, LOST_ANSWER, SILENCE, Step, scripted_server

ALWAYS = 20
# Per behaviour: what is said from RCPT on, and for a warning and for any other mail the status in
# the end and how many copies the server took.
PLAYS = {
    "accepts": ([], ("sent", 1), ("sent", 1)),
    "busy-once": ([Step(rcpt="450 busy")], ("sent", 1), ("sent", 1)),
    "greylists": ([Step(dot="451 come back")], ("sent", 1), ("sent", 1)),
    "leaves-once": ([Step(rcpt="421 bye")], ("sent", 1), ("sent", 1)),
    "leaves-always": ([Step(rcpt="421 bye")] * ALWAYS, ("queued", 0), ("queued", 0)),
    "drops-before": ([Step(data=DROP)], ("sent", 1), ("sent", 1)),
    "silent-before": ([Step(rcpt=SILENCE)], ("sent", 1), ("sent", 1)),
    "refuses": ([Step(rcpt="550 unknown")], ("failed", 0), ("failed", 0)),
    "refuses-late": ([Step(dot="554 spam")], ("failed", 0), ("failed", 0)),
    "busy-always": ([Step(dot="452 full")] * ALWAYS, ("failed", 0), ("failed", 0)),
    "loses-it": ([Step(dot=DROP)], ("sent", 1), ("ambiguous", 0)),
    "loses-answer": ([Step(dot=LOST_ANSWER)], ("sent", 2), ("ambiguous", 1)),
    "silent-after": ([Step(dot=SILENCE)], ("sent", 1), ("ambiguous", 0)),
    "loses-answers": ([Step(dot=LOST_ANSWER)] * ALWAYS, ("ambiguous", 2), ("ambiguous", 1)),
}


def play(engine, queue):
    """Queue one mail per behaviour, each followed by one that is taken; returns ids by name."""
    ids, steps_of = {}, {}
    for name, (steps, *_) in PLAYS.items():
        steps_of[f"{name}@home.example"] = list(steps)
        ids[name] = queue(engine, card(engine, email=f"{name}@home.example"))
        expired(engine, card(engine, email="other@home.example"), key=f"other:{name}")
    return ids, steps_of


@pytest.mark.parametrize("kind", ["warning", "expiry"])
def test_every_row_ends_as_designed_and_every_reader_gets_one_mail(engine, at, kind):
    def queue(engine, card_id):
        return (
            warning(engine, card_id) if kind == "warning" else expired(engine, card_id, key=card_id)
        )

    ids, steps_of = play(engine, queue)
    with scripted_server(steps_of=steps_of) as server:
        for minute in (0, 1, 3, 7, 20):
            at(f"2024-03-10T12:{minute:02}:00+00:00")
            send_due(engine, server.as_mail_server(timeout_seconds=0.3), named_ids=None)
    copies = Counter(mail["Message-ID"] for mail in server.mails)
    found = {
        name: (row.status, copies[row.message_id])
        for name, row in ((name, mail_row(engine, mail_id)) for name, mail_id in ids.items())
    }
    expected = {
        name: warned if kind == "warning" else other for name, (_, warned, other) in PLAYS.items()
    }
    assert found == expected
    others = "select distinct status from loyalty.email_logs where occurrence_key like 'other:%'"
    assert rows(engine, others) == [("sent",)]
    assert server.recipients.count("other@home.example") == len(PLAYS)


@pytest.fixture
def dead_server():
    with scripted_server() as server:
        pass
    return server.as_mail_server()


def test_server_down_for_three_days_costs_nothing_but_time(engine, at, dead_server):
    # Both are due on 2026-01-02 and warned the day before; one program owes 14 days of notice.
    owing, free = (
        factories.program(engine, warning_days=[1], min_notice_days=days) for days in (14, 0)
    )
    kept, gone = (
        factories.card(engine, program, last_activity_at="2025-01-02T12:00:00+00:00")
        for program in (owing, free)
    )
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        at(f"{day}T02:00:00+00:00")
        run_day(engine, f"{day}T02:00:00+00:00")
        with pytest.raises(MailServerError, match="stay queued"):
            send_due(engine, dead_server, named_ids=None)
        found = rows(engine, "select distinct status, attempts from loyalty.email_logs")
        # On 3 January the free program's warning would name a date that has passed.
        assert set(found) == {("queued", 0)} | (
            {("superseded", 0)} if day > "2026-01-02" else set()
        )
        gates = "select count(*) from loyalty.expiration_notices where opened_on is not null"
        assert one(engine, gates) == 0
    expired_cards = rows(engine, "select card_id from loyalty.expirations")
    assert expired_cards == [(gone,)]  # the other's gate is closed

    at("2026-01-04T02:00:00+00:00")
    run_day(engine, "2026-01-04T02:00:00+00:00")
    with scripted_server() as server:
        send_due(engine, server.as_mail_server(), named_ids=None)
    assert rows(
        engine,
        "select card_id, template_code, status from loyalty.email_logs order by card_id, id",
    ) == [
        (kept, "loyalty_points_expiring", "sent"),
        (gone, "loyalty_points_expiring", "superseded"),  # its date has passed
        (gone, "loyalty_points_expired", "sent"),
    ]
    # Sent on 4 January with 14 days of notice.
    named = (
        "select named_on::text, opened_on::text from loyalty.expiration_notices where card_id = "
    )
    assert rows(engine, f"{named}{kept}") == [("2026-01-18", "2026-01-04")]
    assert len(server.payloads) == 2


CANARY = {
    "email": "zyxcanary@nest-of-birds.example",
    "first_name": "Zyxfirstname",
    "last_name": "Zyxlastname",
}
SECRETS = ("zyx", "nest-of-birds")


def canaries_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text.lower()]


def test_canary_sings_nowhere(engine, at, tmp_path: Path, caplog, capfd):
    answers = [
        Step(rcpt=f"450 {CANARY['email']}"),
        Step(dot=f"554 <{CANARY['email']}> zyxcanary"),
        Step(rcpt="421 zyxcanary"),
        Step(rcpt="421 zyxcanary"),
        Step(),
        Step(dot=DROP),
    ]
    program = factories.program(engine, warning_days=[14])
    customer = factories.customer(engine, **CANARY)
    for _ in answers:
        factories.card(
            engine, program, customer_id=customer, last_activity_at="2025-01-02T12:00:00+00:00"
        )
    at("2026-01-01T02:00:00+00:00")
    with caplog.at_level(logging.DEBUG), scripted_server(*answers) as server:
        logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
        run_id = run_day(engine, "2026-01-01T02:00:00+00:00")
        export(engine, tmp_path, run_id, "warning")
        send_due(engine, server.as_mail_server(), named_ids=None)
        logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)
    assert "zyxfirstname" in server.mails[0].as_string().lower()  # the bird is alive
    told = capfd.readouterr()
    assert canaries_in(caplog.text + told.out + told.err) == []
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    assert [file for file in files if canaries_in(file.read_text())] == []
    kept = "select string_agg(mails::text, ' ') from loyalty.email_logs as mails"
    assert canaries_in(one(engine, kept)) == list(SECRETS)  # in recipient_email, until the erasure

    run(engine, "update loyalty.customers set email = null, email_suppressed_at = now()")
    send_due(engine, server.as_mail_server(), named_ids=None)
    assert canaries_in(one(engine, kept)) == []
    assert status(engine, one(engine, "select min(id) from loyalty.email_logs")) != "sending"


def test_only_the_erased_are_forgotten(engine, at):
    at(NOW)
    mail_id = expired(engine, card(engine))
    foreign = expired(engine, card(engine), key=None, recipient_email="x@y.example")
    with scripted_server() as server:
        send_due(engine, server.as_mail_server(), named_ids=None)
        run(engine, "update loyalty.customers set email_suppressed_at = now()")
        send_due(engine, server.as_mail_server(), named_ids=None)
    assert mail_row(engine, mail_id).recipient_email == "anna.muster@home.example"
    run(engine, "update loyalty.customers set email = null")
    send_due(engine, server.as_mail_server(), named_ids=None)
    assert mail_row(engine, mail_id).recipient_email is None
    assert mail_row(engine, foreign).recipient_email == "x@y.example"


def test_sender_that_finds_a_mail_held_forgets_the_other_addresses(engine, at):
    at(NOW)
    held, other = (expired(engine, card(engine), key=key) for key in ("held", "other"))
    with scripted_server() as server:
        send_due(engine, server.as_mail_server(), named_ids=None)
    run(engine, "update loyalty.customers set email = null, email_suppressed_at = now()")
    with engine.connect() as elsewhere:
        elsewhere.exec_driver_sql(f"select from loyalty.email_logs where id = {held} for update")
        send_due(engine, server.as_mail_server(), named_ids=None)
    assert mail_row(engine, other).recipient_email is None
    assert mail_row(engine, held).recipient_email == "anna.muster@home.example"
    send_due(engine, server.as_mail_server(), named_ids=None)
    assert mail_row(engine, held).recipient_email is None


def test_sender_whose_time_is_over_leaves_the_rest_queued(engine, at):
    at(NOW)
    mail_id = expired(engine, card(engine))
    with scripted_server() as server:
        with pytest.raises(UnfinishedError, match="stay queued"):
            send_due(engine, server.as_mail_server(), named_ids=None, seconds_max=-1)
        assert (status(engine, mail_id), server.mails) == ("queued", [])
        send_due(engine, server.as_mail_server(), named_ids=None, seconds_max=3600)
    assert (status(engine, mail_id), len(server.mails)) == ("sent", 1)
