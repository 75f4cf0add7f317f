"""The Airflow way of mailing: a new connection, and two commits, for each mail."""

from __future__ import annotations

import smtplib
import time
from contextlib import ExitStack
from datetime import UTC, datetime

from include.clock import parse_instant
from include.database import connect
from include.embedded.ports import HOST
from include.mail.outbox import Result, claim, hand_over, open_sender, record
from include.mail.server import MailServer
from include.mail.writing import Letter, Writer, load_templates
from tests.conftest import new_database
from tests.faults.servers import FragileServer
from tests.mail.killing import FILL
from tests.mail.rows import NOW, STARTED_AT, run


def seconds(server: FragileServer, port: int, mails: int) -> float:
    """Send so many queued mails, each on its own."""
    with new_database(server.url, server.template.database) as url, ExitStack() as stack:
        engine = connect(url.render_as_string(hide_password=False))
        stack.callback(engine.dispose)
        run(engine, FILL, number=0, mails=mails, started_at=STARTED_AT)
        run(engine, "analyze")
        writer = Writer(load_templates(engine), MailServer(HOST, port))
        queued = "select id from loyalty.email_logs order by id"
        with engine.connect() as connection:
            ids = [row[0] for row in connection.exec_driver_sql(queued)]
        now = parse_instant(NOW, "NOW")
        started = time.perf_counter()
        with open_sender(engine) as sender:
            for mail_id in ids:
                (mail,) = claim(sender, sent_at=now, named_ids=[mail_id]).mails
                letter = writer.write(mail, datetime.now(UTC))
                assert isinstance(letter, Letter)
                hand_over(sender, {mail_id: letter.message_id}, now)
                with smtplib.SMTP(HOST, port) as smtp:
                    smtp.sendmail("points@loyalty.example", letter.recipient, letter.content)
                record(sender, [Result(mail_id, "sent", None, letter.recipient)], now)
        return time.perf_counter() - started
