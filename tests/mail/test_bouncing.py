from __future__ import annotations

import mailbox
import sys
from datetime import datetime

import pytest

from include.commands import bounces as command
from include.errors import ConfigurationError
from include.mail.bouncing import BounceFigures, suppress_bounced
from include.mail.reports import failures_of, read_reports
from include.mail.sending import send_due
from tests.mail.rows import NOW, card, expired, mail_row, one, run
from tests.mail.scripted_server import scripted_server

AT = datetime.fromisoformat(NOW)
ANNA = "anna.muster@home.example"
SUPPRESSED = "select count(*) from loyalty.customers where email_suppressed_at is not null"


def report(
    message_id,
    *,
    address=ANNA,
    status="5.1.1",
    action="failed",
    head="",
    kind="report; report-type=delivery-status",
    original="message/rfc822",
    field="Final-Recipient: rfc822;",
):
    """A report as RFC 3464 has it, of one recipient."""
    return f"""Return-Path: <>
From: MAILER-DAEMON@home.example
To: points@shop.example
{head}Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/{kind}; boundary="cut"

--cut
Content-Type: text/plain

Sorry.
--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.home.example

{field} {address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 no such user

--cut
Content-Type: {original}

From: points@shop.example
Message-ID: {message_id}
Subject: points

--cut--
""".encode()


@pytest.fixture
def sent(engine, at):
    """The Message-ID of a mail that Anna's server accepted."""
    at(NOW)
    mail_id = expired(engine, card(engine))
    with scripted_server() as server:
        send_due(engine, server.as_mail_server(), named_ids=None)
    return mail_row(engine, mail_id).message_id


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"status": "5.2.1"},
        {"address": ANNA.upper()},
        {"address": f"<{ANNA}>", "original": "text/rfc822-headers"},
        {"field": "Original-Recipient: rfc822;"},
    ],
)
def test_failure_for_good_suppresses_the_customer_once(engine, sent, changes):
    reports = [report(sent, **changes)]
    assert suppress_bounced(engine, reports, AT) == BounceFigures(1, 1, 1)
    assert suppress_bounced(engine, reports, AT) == BounceFigures(1, 1, 0)
    when = one(engine, "select email_suppressed_at from loyalty.customers")
    assert when == AT
    expired(engine, one(engine, "select id from loyalty.loyalty_cards"), key="expired:2")
    with scripted_server() as server:
        assert send_due(engine, server.as_mail_server(), named_ids=None).suppressed == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "4.2.2"},
        {"status": "2.0.0", "action": "delivered"},
        {"action": "delayed"},
        {"status": "5.7.1"},  # our mail was refused as spam, the address is well
        {"address": "somebody.else@home.example"},
        {"address": f"{ANNA}, b@home.example"},
        {"kind": "mixed"},
        {"original": "text/plain"},
        {"status": ""},
    ],
)
def test_anything_else_suppresses_nobody(engine, sent, changes):
    assert suppress_bounced(engine, [report(sent, **changes)], AT).suppressed == 0
    assert one(engine, SUPPRESSED) == 0


def test_persons_mail_dressed_up_as_a_report_is_no_report(engine, sent):
    forged = report(sent).replace(b"Return-Path: <>", b"Return-Path: <spy@evil.example>")
    assert suppress_bounced(engine, [forged], AT) == BounceFigures(1, 0, 0)


def test_report_of_a_mail_we_did_not_send_changes_nothing(engine, sent):
    foreign = report("<0123456789@shop.example>")
    assert suppress_bounced(engine, [foreign], AT) == BounceFigures(1, 1, 0)
    run(engine, "update loyalty.email_logs set status = 'failed'")
    assert suppress_bounced(engine, [report(sent)], AT).suppressed == 0
    assert one(engine, SUPPRESSED) == 0


def test_customer_who_has_another_address_by_now_keeps_getting_mail(engine, sent):
    run(engine, "update loyalty.customers set email = 'anna@new.example'")
    assert suppress_bounced(engine, [report(sent)], AT).suppressed == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe nonsense",
        b"Content-Type: multipart/report; boundary=x\n\n--x\n\n--x--\n",
        b"Content-Type: multipart/report\n\nno parts",
        b"Content-Type: multipart/report; boundary=x\n\n"
        b"--x\nContent-Type: message/delivery-status\n\n--x\nContent-Type: message/rfc822\n\n",
    ],
)
def test_unreadable_mail_reports_nothing_and_stops_no_other(engine, sent, raw):
    assert failures_of(raw) == []
    assert suppress_bounced(engine, [raw, report(sent)], AT).suppressed == 1


def test_maildir_mbox_and_folder_are_read(tmp_path):
    first, second = report("<1@a.example>"), report("<2@a.example>")
    maildir = mailbox.Maildir(tmp_path / "maildir")
    mbox = mailbox.mbox(tmp_path / "mbox")
    (tmp_path / "folder").mkdir()
    for number, raw in enumerate((first, second)):
        maildir.add(raw)
        mbox.add(raw)
        (tmp_path / "folder" / f"{number}.eml").write_bytes(raw)
    mbox.close()
    for name in ("maildir", "mbox", "folder"):
        found = [failure for raw in read_reports(tmp_path / name) for failure in failures_of(raw)]
        assert {each.message_id for each in found} == {"<1@a.example>", "<2@a.example>"}, name


def test_command_tells_figures_and_no_address(engine, sent, tmp_path, monkeypatch, capsys):
    (tmp_path / "1.eml").write_bytes(report(sent))
    monkeypatch.setattr(command, "loyalty_engine", lambda: engine)
    monkeypatch.setattr(sys, "argv", ["bounces", str(tmp_path)])
    assert command.main() == 0
    assert capsys.readouterr().out == (
        "1 mails read, 1 failures for good, 1 customers suppressed now.\n"
    )


def test_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="nowhere"):
        list(read_reports(tmp_path / "nowhere"))


def test_no_folder_is_none(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bounces", ""])
    with pytest.raises(ConfigurationError, match="FOLDER="):
        command.main()
