"""Proves a run's books and the invariants of `sql/checks/` before the run is closed."""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass

from psycopg2.errors import LockNotAvailable, QueryCanceled
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from include.database import READER, SELECTION, Limits, statements, transaction
from include.errors import ReconcileError
from include.settings import SQL_ROOT

log = logging.getLogger(__name__)

REPORT = "10_report_equals_ledger"
BOOKS = "books"
LEFT_OVER = "16_nothing_eligible_remains"
NAMED_VIOLATIONS_MAX = 10


@dataclass(frozen=True)
class Violation:
    """One row that breaks an invariant; `check` is the file in `sql/checks` without its ending."""

    check: str
    card_id: int | None
    detail: str

    def __str__(self) -> str:
        subject = f"card {self.card_id}: " if self.card_id else ""
        return f"{subject}{self.detail} ({self.check})"


@dataclass(frozen=True)
class Verdict:
    """What one check says of a run; `violations` None: it was cut off before it had an answer."""

    check: str
    rule: str
    violations: tuple[Violation, ...] | None


def check_names() -> tuple[str, ...]:
    """Return the names of all checks, in their order."""
    return tuple(sorted(file.stem for file in (SQL_ROOT / "checks").glob("*.sql")))


def violations(engine: Engine, run_id: int | None) -> list[Violation]:
    """Return what breaks an invariant: anywhere, or only among what one run touched."""
    with transaction(engine, SELECTION) as connection:
        return [
            violation
            for name, statement in zip(check_names(), statements("checks"), strict=True)
            for violation in _ask(connection, name, statement, run_id)
        ]


def judge(engine: Engine, run_id: int, limits: Limits) -> list[Verdict]:
    """Ask the books and every check about one run, each in a reading transaction of its own."""
    named = (
        (BOOKS, statements("reconcile")[0]),
        *zip(check_names(), statements("checks"), strict=True),
    )
    return [_verdict(engine, name, statement, run_id, limits) for name, statement in named]


def _verdict(engine: Engine, name: str, statement: str, run_id: int, limits: Limits) -> Verdict:
    rule = _rule(statement)
    try:
        with transaction(engine, limits, role=READER) as connection:
            return Verdict(name, rule, tuple(_ask(connection, name, statement, run_id)))
    except OperationalError as error:
        if isinstance(error.orig, (QueryCanceled, LockNotAvailable)):
            return Verdict(name, rule, None)
        raise


def _rule(statement: str) -> str:
    """Return what a check's header says before it names what goes in."""
    lines = itertools.takewhile(lambda line: line.startswith("--"), statement.splitlines())
    header = " ".join(line.removeprefix("--").strip() for line in lines)
    return header.split(" In: ")[0]


def reconcile(engine: Engine, run_id: int) -> int:
    """Prove that a run's books add up and that every invariant holds for what it touched.

    A closed run is proven again.

    Returns:
        The number of cards whose books were proven.

    Raises:
        ReconcileError: something does not add up; names up to ten cards and the amounts.
    """
    prove_books, count_cards = statements("reconcile")
    with transaction(engine, SELECTION) as connection:
        found = _ask(connection, BOOKS, prove_books, run_id)
        cards_total = connection.exec_driver_sql(count_cards, {"run_id": run_id}).scalar_one()
    found += violations(engine, run_id)
    if found:
        raise ReconcileError(_sentence(run_id, found))
    log.info("The books of run %s add up for all %s cards it planned for.", run_id, cards_total)
    return int(cards_total)


def prove_report(connection: Connection, run_id: int) -> None:
    """Prove, in the transaction that closes a run, that its report equals the ledger.

    Raises:
        ReconcileError: it does not; the run then stays open.
    """
    statement = statements("checks")[check_names().index(REPORT)]
    if found := _ask(connection, REPORT, statement, run_id):
        raise ReconcileError(_sentence(run_id, found))


def _ask(connection: Connection, name: str, statement: str, run_id: int | None) -> list[Violation]:
    rows = connection.exec_driver_sql(statement, {"run_id": run_id})
    return [Violation(name, row.card_id, row.detail) for row in rows]


def _sentence(run_id: int, found: list[Violation]) -> str:
    named = "; ".join(str(violation) for violation in found[:NAMED_VIOLATIONS_MAX])
    unnamed = len(found) - NAMED_VIOLATIONS_MAX
    more = f"; and {unnamed} more" if unnamed > 0 else ""
    if all(violation.check == LEFT_OVER for violation in found):
        # A card that was activated or moved to the program meanwhile is no mistake in the books.
        what_to_do = "Clear the tasks select_cohort with all that follow them, to take what is left"
    else:
        what_to_do = "Put the cards right, then clear the task to prove it again"
    return f"Run {run_id} does not add up and stays open. {what_to_do}: {named}{more}."
