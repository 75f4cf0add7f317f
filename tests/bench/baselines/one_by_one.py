"""The Airflow way of mailing: its own hook, with a new connection and two commits for each mail.

The commits say that a mail is handed over, and what the server answered; mails are claimed by fifty
and filled in as the sender does it.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from unittest.mock import patch

from airflow.providers.smtp.hooks.smtp import SmtpHook

from include.clock import parse_instant
from include.database import connect
from include.embedded.ports import HOST
from include.mail.outbox import Result, claim, hand_over, open_sender, record
from include.mail.server import MailServer
from include.mail.writing import Writer, load_templates
from tests.databases import new_database
from tests.mail.killing import FILL
from tests.mail.measuring import MailPlace
from tests.mail.rows import NOW, STARTED_AT, run

CLAIMED_AT_ONCE = 50
SENDER = "points@loyalty.example"


def seconds(server: MailPlace, port: int, mails: int) -> float:
    """Send so many queued mails, each on its own."""
    plain = "disable_ssl=true&disable_tls=true"
    with new_database(server.url, server.template) as url, ExitStack() as stack:
        stack.enter_context(
            patch.dict(os.environ, {"AIRFLOW_CONN_BENCH_SMTP": f"smtp://{HOST}:{port}/?{plain}"})
        )
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
            for first in range(0, len(ids), CLAIMED_AT_ONCE):
                batch = ids[first : first + CLAIMED_AT_ONCE]
                for mail in claim(sender, sent_at=now, named_ids=batch).mails:
                    rendered, _ = writer.fill(mail)
                    hand_over(sender, {mail.id: f"<{mail.id}@loyalty.example>"}, now)
                    with SmtpHook(smtp_conn_id="bench_smtp") as hook:
                        hook.send_email_smtp(
                            to=str(mail.email),
                            subject=rendered.subject,
                            html_content=rendered.html,
                            from_email=SENDER,
                        )
                    record(sender, [Result(mail.id, "sent", None, mail.email)], now)
        return time.perf_counter() - started
