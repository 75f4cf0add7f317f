"""The same histories played twice: on a real database by the pipeline, and in the model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from unittest.mock import patch

from sqlalchemy import Connection, Engine, event

from include.mail import dispatch
from include.mail.answers import Answer
from include.mail.sending import send_due
from include.mail.server import MailServer
from tests import factories
from tests.day import run_day
from tests.model import posting, reference
from tests.model.reference import Card, Program
from tests.rows import execute

SERVER = MailServer("127.0.0.1", 25, from_email="points@shop.example")
COLUMNS = {
    "days": "points_expiration_days",
    "warning_days": "warning_days",
    "min_notice": "min_notice_days",
    "zone": "time_zone",
    "is_active": "is_active",
}


class Crash(Exception):
    """The task died here; nothing of ours raises or catches this."""


@dataclass
class Member:
    """One merchant with its program and cards: one history. Model cards by their ids."""

    merchant_id: int
    program_id: int
    program: Program
    cards: dict[int, Card] = field(default_factory=dict)
    deeds: reference.Deeds = field(default_factory=reference.Deeds)


class Shop:
    """Many members on one database under one clock."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        self.engine = engine
        self.now = now
        self.members: list[Member] = []
        self.run_id: int | None = None
        self.has_just_run = False
        self.crashes = 0
        self._runs = 0
        self._open: Connection | None = None

    def enrol(self, program: Program, cards: int) -> Member:
        """Open a merchant with one program and some empty cards, created now."""
        with self.engine.begin() as connection:
            merchant_id = factories.merchant(connection)
            program_id = factories.program(
                connection,
                merchant_id=merchant_id,
                **{column: getattr(program, name) for name, column in COLUMNS.items()},
            )
            member = Member(merchant_id, program_id, program)
            for _ in range(cards):
                card_id = factories.card(
                    connection, program_id, points=0, last_activity_at=self.now.isoformat()
                )
                member.cards[card_id] = Card(program)
                member.cards[card_id].book("card_created", 0, self.now)
        self.members.append(member)
        return member

    def book(
        self, card_id: int, card: Card, kind: str, points: int, at: datetime, stamps: int = 0
    ) -> None:
        """A till books a row, in the model and in the database."""
        card.book(kind, points, at, stamps)
        factories.write_ledger(
            self._open or self.engine, card_id, kind, at, points=points, stamps=stamps,
            is_activity=kind in reference.ACTIVITIES,
        )  # fmt: skip

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Let everything that happens meanwhile commit at once: nobody looks in between."""
        with self.engine.begin() as self._open:
            yield
        self._open = None

    def _change(self, statement: str, **binds: object) -> None:
        if self._open:
            self._open.exec_driver_sql(statement, binds)
        else:
            execute(self.engine, statement, **binds)

    def set_program(self, member: Member, name: str, value: object) -> None:
        setattr(member.program, name, value)
        statement = f"update loyalty.loyalty_programs set {COLUMNS[name]} = %(v)s where id = %(id)s"
        self._change(statement, v=value, id=member.program_id)

    def set_merchant(self, member: Member, is_active: bool) -> None:
        member.program.merchant_active = is_active
        statement = "update loyalty.merchants set is_active = %(v)s where id = %(id)s"
        self._change(statement, v=is_active, id=member.merchant_id)

    def set_card(self, card_id: int, card: Card, is_active: bool) -> None:
        card.is_active = is_active
        statement = "update loyalty.loyalty_cards set is_active = %(v)s where id = %(id)s"
        self._change(statement, v=is_active, id=card_id)

    def set_reachable(self, card_id: int, card: Card, reachable: bool) -> None:
        card.reachable = reachable
        statement = """
            update loyalty.customers set email_suppressed_at = case when %(v)s then null
                else '2020-01-01Z'::timestamptz end
            where id = (select customer_id from loyalty.loyalty_cards where id = %(id)s)
        """
        self._change(statement, v=reachable, id=card_id)

    def run(self, as_of: datetime, *, dry_run: bool = False, crash_at: int | None = None) -> None:
        """One day; with `crash_at` its task dies at that statement, and is run again."""
        self._runs += 1
        name = f"run {self._runs}"
        crashes = self.crashes
        os.environ["LOYALTY_NOW"] = self.now.isoformat()
        if crash_at is not None:
            with self._dying_at(crash_at):
                try:
                    self.run_id = run_day(self.engine, as_of, dag_run_id=name, dry_run=dry_run)
                except Crash:
                    self.crashes += 1
        self.run_id = run_day(self.engine, as_of, dag_run_id=name, dry_run=dry_run)
        for member in self.members:
            cards = [] if dry_run else list(member.cards.values())
            member.deeds = reference.run(cards, as_of, self.now)
        self.has_just_run = not dry_run
        if self.crashes > crashes:
            self.run_id = None  # What the dead task had closed is reported by its own row.

    def post(self, outcomes: dict[int, str]) -> None:
        """Send what is due; the server answers by card, `sent` to those not named."""
        os.environ["LOYALTY_NOW"] = self.now.isoformat()
        with patch.object(dispatch, "SmtpSession", self._session(outcomes)):
            send_due(self.engine, SERVER, named_ids=None)
        for member in self.members:
            for card_id, card in member.cards.items():
                posting.post(card, outcomes.get(card_id, "sent"), self.now)

    def _session(self, outcomes: dict[int, str]) -> type:
        statement = """
            select customers.email, cards.id from loyalty.loyalty_cards as cards
            join loyalty.customers as customers on cards.customer_id = customers.id
        """
        with self.engine.connect() as connection:
            cards = {email: card for email, card in connection.exec_driver_sql(statement)}

        class Session:
            """A mail server in this process, which answers as it was told."""

            has_answered = True

            def __init__(self, server: MailServer) -> None:
                pass

            def close(self) -> None:
                pass

            def send(self, recipient: str, message: bytes) -> Answer:
                return Answer(outcomes.get(cards[recipient], "sent"), "scripted")

        return Session

    @contextmanager
    def _dying_at(self, number: int) -> Iterator[None]:
        """Let the task die right before its `number`-th statement or commit."""
        left = [number]

        def count(*_: object) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Crash

        event.listen(self.engine, "before_cursor_execute", count)
        event.listen(self.engine, "commit", count)
        try:
            yield
        finally:
            event.remove(self.engine, "before_cursor_execute", count)
            event.remove(self.engine, "commit", count)
