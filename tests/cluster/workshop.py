"""A cluster at work: what its tasks do on which worker, and how a worker dies."""

from __future__ import annotations

import mailbox
import os
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import psutil
from sqlalchemy import Engine

from include.commands.cluster import fill_program
from include.database import connect
from include.embedded import bucket, postgres, processes
from include.mail.seeding import seed_templates
from include.migrations import migrate
from tests.day import run_day
from tests.rows import rows
from tests.scheduler.embedded_airflow import DAG, EmbeddedAirflow

ALONE = "loyalty_alone"
# What must not depend on how many machines there were: no id of a row, no time of a booking or of
# a sending.
BOOKS = {
    "cards": """
        select id, points_balance, total_points_voided, last_activity_at,
            last_expiration_warning_at is not null
        from loyalty.loyalty_cards order by id
    """,
    "ledger": """
        select card_id, transaction_type, points_delta, points_balance_after, notes
        from loyalty.loyalty_transactions order by card_id, transaction_type, points_delta
    """,
    "expirations": """
        select card_id, cycle_started_at, due_on, usable_until, points
        from loyalty.expirations order by card_id
    """,
    "skips": "select kind, card_id, reason from loyalty.expiration_skips order by kind, card_id",
    "mails": """
        select card_id, template_code, language, variables - 'days_remaining'
        from loyalty.email_logs order by card_id, template_code
    """,
}


@dataclass(frozen=True)
class Mail:
    """One row of the outbox and how often its mail lies in the inbox."""

    template_code: str
    status: str
    ambiguous_times: int
    arrived: int


@dataclass(frozen=True)
class Workshop(EmbeddedAirflow):
    """An embedded Airflow whose tasks run on workers."""

    def close(self) -> None:
        self.loyalty.dispose()
        self.metadata.dispose()
        self.call("down")
        postgres.remove(self.folder / "postgres")

    def tasks_on(self, worker: str) -> set[str]:
        """Return the tasks that are under way on a worker."""
        statement = """
            select task_id from task_instance where hostname = %(worker)s and state = 'running'
        """
        return {task for (task,) in rows(self.metadata, statement, worker=worker)}

    def count(self, statement: str) -> int:
        return int(rows(self.loyalty, statement)[0][0])

    def kill_amid(self, worker: str, statement: str) -> bool:
        """End a worker at once, as a machine that loses power, if it is in the middle of something.

        The statement returns the client ports of the sessions that are. The worker is frozen while
        it is looked at, so that it dies where it was seen; otherwise it goes on.
        """
        members = _session_of(processes.running(worker, self.folder))
        signal_all(members, signal.SIGSTOP)
        busy_ports = {port for (port,) in rows(self.loyalty, statement)}
        is_amid = not busy_ports.isdisjoint(_local_ports(members))
        signal_all(members, signal.SIGKILL if is_amid else signal.SIGCONT)
        return is_amid

    def workers(self, run_id: str) -> Counter[str]:
        """Return how many tries of the run's tasks each worker began, lost ones included."""
        statement = """
            select hostname, count(*)
            from (
                select run_id, hostname from task_instance where dag_id = %(dag_id)s
                union all
                select run_id, hostname from task_instance_history where dag_id = %(dag_id)s
            ) as tries
            where run_id = %(run_id)s and hostname <> ''
            group by hostname
        """
        return Counter(dict(rows(self.metadata, statement, dag_id=DAG, run_id=run_id)))

    def tries_of(self, run_id: str, task: str) -> list[tuple[Any, ...]]:
        """Return state, last worker and number of tries of a task's instances."""
        statement = """
            select state, hostname, try_number from task_instance
            where dag_id = %(dag_id)s and run_id = %(run_id)s and task_id = %(task)s
            order by map_index
        """
        return rows(self.metadata, statement, dag_id=DAG, run_id=run_id, task=task)

    def files(self) -> list[str]:
        return bucket.keys(self.folder)

    def mails(self) -> list[Mail]:
        """Return every mail of the outbox, each with how often it arrived."""
        box = mailbox.Maildir(self.folder / "inbox", create=False)
        arrived = Counter(message["Message-ID"] for message in box)
        assert None not in arrived
        statement = "select template_code, status, ambiguous_times, message_id from email_logs"
        found = rows(self.loyalty, statement.replace("email_logs", "loyalty.email_logs"))
        return [Mail(*columns, arrived[message_id]) for *columns, message_id in found]

    @cached_property
    def alone(self) -> Engine:
        """A second database beside the first."""
        postgres.ensure_database(self.server, ALONE)
        engine = connect(self.server.url(ALONE))
        migrate(engine)
        seed_templates(engine)
        return engine

    def run_alone(self, cards: int, as_of: datetime) -> dict[str, list[tuple[Any, ...]]]:
        """Run the day of the same cards in one process; return what the books say then."""
        fill_program(self.alone, cards, as_of)
        run_day(self.alone, as_of)
        found = books(self.alone)
        self.alone.dispose()
        return found


def signal_all(members: list[psutil.Process], number: signal.Signals) -> None:
    for member in members:
        with suppress(psutil.NoSuchProcess):
            member.send_signal(number)


def _session_of(leader: int | None) -> list[psutil.Process]:
    """Return a worker with its supervisors and their tasks, which lead groups of their own."""
    assert leader is not None
    return [process for process in psutil.process_iter() if _session_id(process.pid) == leader]


def _session_id(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _local_ports(members: list[psutil.Process]) -> set[int]:
    ports: set[int] = set()
    for member in members:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            ports.update(connection.laddr.port for connection in member.net_connections("tcp"))
    return ports


def books(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return what a day left in the books."""
    return {name: rows(engine, statement) for name, statement in BOOKS.items()}
