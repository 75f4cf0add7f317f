"""Kills senders at random moments and counts what that did: nothing lost, nothing doubled.

    python -m tests.mail.killing 100

Two sender processes work on an outbox that is filled all the time; one of them is killed with
SIGKILL, another takes its place, and so on. The mail server takes everything and counts.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event

from sqlalchemy import Engine

from include.database import connect
from include.mail.outbox import HANDFUL_MAX
from include.mail.sending import send_due
from include.mail.server import MailServer
from tests.databases import new_database
from tests.faults.servers import fragile_server
from tests.mail.rows import NOW, STARTED_AT, rows, run
from tests.mail.scripted_server import ScriptedServer, scripted_server

_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(["tests.faults.preload"])
FILLED_AT_ONCE = 100
LIFE_SECONDS_MAX = 0.5
PATIENCE_SECONDS = 60


@dataclass
class Figures:
    """What so many kills did; `doubled` and `unknown` are mails that are marked as ambiguous."""

    kills: int = 0
    kills_under_way: int = 0
    mails: int = 0
    sent: int = 0
    warnings_sent_again: int = 0
    doubled: int = 0
    unknown: int = 0


def kill_senders(engine: Engine, kills: int, seed: int) -> tuple[Figures, list[str]]:
    """Kill so many senders, let the rest be sent; returns figures and whatever is wrong."""
    url = engine.url.render_as_string(hide_password=False)
    draw, figures = random.Random(seed), Figures(kills=kills)
    with scripted_server(before_answer=lambda: time.sleep(0.001)) as server:
        workers = [_start(url, server) for _ in range(2)]
        try:
            for number in range(kills):
                _fill(engine, number)
                time.sleep(draw.uniform(0, LIFE_SECONDS_MAX))
                victim = draw.randrange(2)
                figures.kills_under_way += _kill(engine, workers[victim])
                workers[victim] = _start(url, server)
            _finish(engine)
        finally:
            for worker in workers:
                worker.kill()
                worker.join()
        return figures, _judge(engine, server, figures)


def _work(url: str, server: MailServer, is_ready: Event) -> None:
    os.environ["LOYALTY_NOW"] = NOW
    engine = connect(url)
    send_due(engine, server, named_ids=iter([]))
    is_ready.set()
    while True:
        send_due(engine, server, named_ids=None)
        time.sleep(0.01)


def _start(url: str, server: ScriptedServer) -> BaseProcess:
    is_ready = _FORKED.Event()
    arguments = (url, server.as_mail_server(), is_ready)
    worker = _FORKED.Process(target=_work, args=arguments, daemon=True)
    worker.start()
    assert is_ready.wait(PATIENCE_SECONDS), "a sender did not start"
    return worker


def _kill(engine: Engine, worker: BaseProcess) -> bool:
    """Kill a sender; tell whether mails were under way."""
    under_way = rows(engine, "select 1 from loyalty.email_logs where status = 'sending' limit 1")
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    assert worker.exitcode == -signal.SIGKILL, f"a sender ended by itself: {worker.exitcode}"
    return bool(under_way)


def _fill(engine: Engine, number: int) -> None:
    run(engine, FILL, number=number, mails=FILLED_AT_ONCE, started_at=STARTED_AT)


def _finish(engine: Engine) -> None:
    """Wait until the living senders have sent everything."""
    open_mails = "select count(*) from loyalty.email_logs where status in ('queued', 'sending')"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while rows(engine, open_mails) != [(0,)]:
        assert time.monotonic() < deadline, "mails are left"
        time.sleep(0.05)


def _judge(engine: Engine, server: ScriptedServer, figures: Figures) -> list[str]:
    copies = Counter(server.recipients)
    identities = {(mail.recipient, mail.message_id) for mail in _taken(server)}
    faults = [
        f"{to} got two Message-IDs" for to, n in Counter(i[0] for i in identities).items() if n > 1
    ]
    found = rows(
        engine,
        "select occurrence_key, status, ambiguous_times, email"
        " from loyalty.email_logs as mails join loyalty.customers on customers.id = customer_id",
    )
    for key, status, ambiguous_times, email in found:
        is_warning, times = key.startswith("warning"), copies[email]
        figures.mails += 1
        figures.sent += status == "sent"
        figures.unknown += status == "ambiguous"
        figures.doubled += times > 1
        figures.warnings_sent_again += is_warning and ambiguous_times > 0
        least = 1 if status == "sent" else 0
        most = 1 + (ambiguous_times if is_warning else 0)
        if status not in ("sent", "ambiguous") or not least <= times <= most or ambiguous_times > 2:
            faults.append(f"{key} is {status} ({ambiguous_times}) and was taken {times} times")
    if figures.unknown + figures.warnings_sent_again > figures.kills * HANDFUL_MAX:
        faults.append(f"more than {HANDFUL_MAX} mails of a killed sender became ambiguous")
    return faults


@dataclass(frozen=True)
class _Taken:
    recipient: str
    message_id: str


def _taken(server: ScriptedServer) -> list[_Taken]:
    return [
        _Taken(to, str(mail["Message-ID"]))
        for to, mail in zip(server.recipients, server.mails, strict=True)
    ]


# Each mail has a customer of its own; every other one is a warning.
FILL = """
    with
    merchant as (
        insert into loyalty.merchants (name) values ('Merchant ' || :number) returning id
    ),
    program as (
        insert into loyalty.loyalty_programs (merchant_id, name, points_expiration_days)
        select id, 'Program', 365 from merchant returning id, merchant_id
    ),
    person as (
        insert into loyalty.customers (email, first_name)
        select format('c%s-%s@home.example', cast(:number as int), n), 'Camille'
        from generate_series(1, :mails) as n returning id
    ),
    card as (
        insert into loyalty.loyalty_cards (
            program_id, merchant_id, customer_id, card_number, points_balance, last_activity_at
        )
        select
            program.id, program.merchant_id, person.id, 'C', 100,
            cast(:started_at as timestamptz)
        from person cross join program returning id, merchant_id, customer_id
    ),
    mail as (
        insert into loyalty.email_logs (
            template_code, language, card_id, customer_id, merchant_id, occurrence_key, variables
        )
        select
            case when id % 2 = 0 then 'loyalty_points_expiring' else 'loyalty_points_expired' end,
            'en', id, customer_id, merchant_id,
            case when id % 2 = 0 then 'warning:' else 'expired:' end || id,
            '{"points": 100, "expiration_date": "2024-03-01", "inactivity_days": 365}'
        from card returning id, card_id, template_code
    )
    insert into loyalty.expiration_notices (
        email_log_id, card_id, cycle_started_at, stage_days, due_on
    )
    select id, card_id, cast(:started_at as timestamptz), 14, '2024-03-24'
    from mail where template_code = 'loyalty_points_expiring'
"""


def main() -> int:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1_000_000)
    with fragile_server() as server, new_database(server.url, server.template.database) as url:
        engine = connect(url.render_as_string(hide_password=False))
        figures, faults = kill_senders(engine, kills, seed)
        engine.dispose()
    print(f"seed {seed}:", ", ".join(f"{value} {name}" for name, value in asdict(figures).items()))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    # By its import path, so that the senders' processes find the functions.
    from tests.mail.killing import main as imported_main

    sys.exit(imported_main())
