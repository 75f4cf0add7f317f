"""What examples do, in a word each: set the clock, run a day, change a row, look at a plan.

An instant is written `2026-01-02 23:00` in UTC; a date alone means 02:00, when the daily DAG runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count

from sqlalchemy import Engine

from include.cohorts import Kind, select_cohort
from include.runs import RunRequest, open_run
from tests.day import run_day
from tests.rows import execute, rows

_number = count(1)


def instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return moment.replace(hour=2) if len(text) == len("2026-01-02") else moment


def clock(text: str) -> datetime:
    """Set the clock; it stays there until the example ends."""
    moment = instant(text)
    os.environ["LOYALTY_NOW"] = moment.isoformat()
    return moment


def day(
    engine: Engine, now: str, *, as_of: str | None = None, dry_run: bool = False,
    merchant_ids: tuple[int, ...] | None = None,
) -> int:  # fmt: skip
    """Run one whole day when it is `now`, for `as_of` if that is another instant."""
    moment = clock(now)
    return run_day(
        engine,
        instant(as_of) if as_of else moment,
        dag_run_id=f"day {next(_number)}",
        dry_run=dry_run,
        merchant_ids=merchant_ids,
    )


def selected(engine: Engine, now: str, kind: Kind, *, as_of: str | None = None) -> int:
    """Open a run and plan one cohort; what comes of it is left to the example."""
    moment = clock(now)
    as_of_instant = instant(as_of) if as_of else moment
    run_id = open_run(engine, RunRequest("mutants", f"run {next(_number)}", as_of_instant))
    select_cohort(engine, run_id, kind)
    return run_id


def planned(engine: Engine, run_id: int, kind: Kind = "expiry") -> list[int]:
    """Return the cards that a run planned, in order."""
    statement = """
        select card_id from loyalty.expiration_cohort_members
        where run_id = %(run_id)s and kind = %(kind)s order by card_id
    """
    return [card_id for (card_id,) in rows(engine, statement, run_id=run_id, kind=kind)]


def warnings(engine: Engine) -> list[tuple[int, int, str]]:
    """Return card, stage and due date of every warning, in the order of their runs."""
    return rows(
        engine,
        "select card_id, stage_days, due_on::text from loyalty.expiration_warnings"
        " order by run_id, card_id",
    )


def change(engine: Engine, table: str, *, where: str = "true", **columns: object) -> None:
    """Change rows of a table as somebody outside the pipeline would."""
    changes = ", ".join(f"{name} = %({name})s" for name in columns)
    execute(engine, f"update loyalty.{table} set {changes} where {where}", **columns)


def answer(
    engine: Engine, on: str, *, promised_on: str | None = None, status: str = "sent"
) -> None:
    """Stand in for the mail server: answer every queued warning on a day, which opens its gate."""
    execute(
        engine,
        "update loyalty.expiration_notices as notices set opened_on = %(on)s::date,"
        " promised_on = %(promised_on)s::date, named_on = %(promised_on)s::date"
        " from loyalty.email_logs as mails"
        " where mails.id = notices.email_log_id and mails.status = 'queued'",
        on=on,
        promised_on=promised_on,
    )
    execute(
        engine,
        "update loyalty.email_logs set status = %(status)s, sent_at = %(at)s::timestamptz"
        " where status = 'queued'",
        status=status,
        at=f"{on} 03:00+00",
    )


def refusal(kind: type[Exception], action: Callable[..., object], *arguments: object) -> str:
    """Return the text with which an action is refused; empty where it is not."""
    try:
        action(*arguments)
    except kind as error:
        return str(error)
    return ""
