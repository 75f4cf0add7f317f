"""One shop's database with its cohort files and its mail server: where a day is run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine

from include.mail.message import message_id
from include.reconcile import violations
from tests.databases import new_database
from tests.faults.books import Books, books, differences
from tests.faults.people import AS_OF, populate
from tests.faults.points import Stop
from tests.faults.tap import Ended, Job
from tests.faults.task import PATIENCE_SECONDS, Task
from tests.faults.whole_day import RunOnly, WholeDay
from tests.mail.scripted_server import ScriptedServer, scripted_server
from tests.rows import rows

CHUNK_SIZE = 2
OBSERVER = "observer of faults"
NEXT_DAY = AS_OF + timedelta(days=1)


@dataclass(frozen=True)
class Shop:
    """A database that tasks of their own processes work on, and what they are told."""

    engine: Engine
    root: Path
    post: ScriptedServer
    now: datetime = AS_OF
    chunk_size: int = CHUNK_SIZE

    def at(self, now: datetime) -> Shop:
        """Return the same shop at another time."""
        return replace(self, now=now)

    def day(self, dag_run_id: str = "day") -> WholeDay:
        """Return the day's work with its files and mails, as the DAG run of that name."""
        return WholeDay(self.now, dag_run_id, self.root, self.post.as_mail_server())

    def task(self, job: Job, *stops: Stop, **variables: str) -> Task:
        """Start a job in a process of its own, to be stopped at the points given."""
        url = self.engine.url.render_as_string(hide_password=False)
        settings = {
            "LOYALTY_NOW": self.now.isoformat(),
            "LOYALTY_CHUNK_SIZE": str(self.chunk_size),
            "LOYALTY_COHORT_PART_ROWS": "2",
        }
        return Task(job, url, settings | variables, *stops)

    def run(self, job: Job, **variables: str) -> Ended:
        """Run a job undisturbed; it must succeed."""
        with self.task(job, **variables) as task:
            ended = task.ended()
        assert ended.error is None, ended.error
        return ended

    def run_until_done(self, job: Job, *, most: int = 20) -> None:
        """Run a job again until it succeeds, as Airflow's retries do."""
        for _ in range(most):
            with self.task(job) as task:
                ended = task.ended()
            if ended.error is None:
                return
        raise AssertionError(f"the job failed {most} times: {ended.error}")

    def wait_until_alone(self) -> None:
        """Wait until the server has seen that its clients are gone, as a retry's delay does."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.sessions("true"):
            assert time.monotonic() < deadline, "a killed task's session lives on"
            time.sleep(0.01)

    def wait_for_session(self, condition: str) -> None:
        """Wait until a session of the tasks meets a condition on pg_stat_activity."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.sessions(condition):
            assert time.monotonic() < deadline, f"no session is in the state: {condition}"
            time.sleep(0.005)

    def sessions(self, condition: str) -> int:
        """Return how many sessions of the tasks in this database meet a condition."""
        statement = f"""
            select count(*) from pg_catalog.pg_stat_activity
            where datname = current_database() and backend_type = 'client backend'
                and application_name <> '{OBSERVER}' and {condition}
        """
        with self.engine.connect() as connection:
            return int(connection.exec_driver_sql(statement).scalar_one())

    def faults(self, twin: Books, *names: str) -> list[str]:
        """Return what is wrong with this shop's books and mails, compared with its twin's."""
        return [
            *differences(books(self.engine), twin, *names),
            *map(str, violations(self.engine, None)),
            *self.misdelivered(),
        ]

    def misdelivered(self) -> list[str]:
        """Return a line per mail that its customer got too often, or not although it counts so.

        A warning whose fate was unknown may go twice, under one Message-ID. What a dead sender
        left `ambiguous` may have arrived or not, but it was handed over.
        """
        taken = Counter(str(mail["Message-ID"]) for mail in self.post.mails)
        statement = """
            select occurrence_key, status, ambiguous_times, handed_over_at is not null
            from loyalty.email_logs
        """
        found = []
        for key, status, ambiguous_times, is_handed_over in rows(self.engine, statement):
            times = taken.pop(message_id(key, "shop.example"), 0)
            least, most = {"sent": (1, 1), "ambiguous": (0, 1)}.get(status, (0, 0))
            if key.startswith("warning"):
                most += ambiguous_times
            if not least <= times <= most or (status == "ambiguous" and not is_handed_over):
                found.append(f"mail {key} is {status} and arrived {times} times")
        return found + [f"mail {key} is in no log" for key in taken]


def observer(url: URL) -> Engine:
    """Return an engine whose sessions are not taken for a task's."""
    return create_engine(url, pool_pre_ping=True, connect_args={"application_name": OBSERVER})


@dataclass(frozen=True)
class Twin:
    """What an undisturbed day leaves behind, and the points it passed on its way."""

    books: Books
    passed: list[str]
    books_next_day: Books
    chunk_size: int


@contextmanager
def copied_shop(seeded: URL, root: Path, **settings: Any) -> Iterator[Shop]:
    """Open a shop on a copy of a populated database."""
    with new_database(seeded, template=seeded.database) as url, scripted_server() as post:
        engine = observer(url)
        try:
            yield Shop(engine, root / str(url.database), post, **settings)
        finally:
            engine.dispose()


@contextmanager
def populated(template: URL, seed: int, *, cards: int) -> Iterator[URL]:
    """Make a database with a population, for shops to be copied from."""
    with new_database(template, template=template.database) as url:
        engine = observer(url)
        latecomers = populate(engine, seed, cards=cards)
        yesterday = Shop(engine, Path(), ScriptedServer(), now=AS_OF - timedelta(days=1))
        yesterday.run(RunOnly(yesterday.now, "yesterday", (latecomers.merchant_id,)))
        latecomers.post(engine)
        yesterday.wait_until_alone()
        engine.dispose()
        yield url


@contextmanager
def undisturbed(seeded: URL, root: Path, *, chunk_size: int = CHUNK_SIZE) -> Iterator[Twin]:
    """Run the day, and the next one, in peace on a copy of a populated database."""
    with copied_shop(seeded, root, chunk_size=chunk_size) as shop:
        passed = shop.run(shop.day()).passed
        day = books(shop.engine)
        assert shop.faults(day) == []
        next_day = shop.at(NEXT_DAY)
        next_day.run(next_day.day("next day"))
        yield Twin(day, passed, books(shop.engine), chunk_size)
