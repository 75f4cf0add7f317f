"""The one clock: the database's, or `LOYALTY_NOW` in its place."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine

from include.database import run_stage, transaction
from include.errors import InvalidInstantError

AS_OF_TOLERANCE = timedelta(minutes=5)
AS_OF_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def parse_instant(text: str, name: str) -> datetime:
    """Return the instant that an ISO 8601 text with an offset from UTC names.

    Raises:
        InvalidInstantError: the text is no instant, or lacks its offset.
    """
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInstantError(
            f"{name} is {text!r}, which is no instant; write it like 2026-11-20T02:00:00+00:00."
        ) from error
    if instant.utcoffset() is None:
        raise InvalidInstantError(
            f"{name} is {text!r} without an offset from UTC; write it like "
            "2026-11-20T02:00:00+00:00."
        )
    return instant


def read_clock(engine: Engine) -> datetime:
    """Return the instant it is: the database's, or that of `LOYALTY_NOW` if it is set.

    Raises:
        InvalidInstantError: `LOYALTY_NOW` is unreadable or later than the database's clock.
    """
    with transaction(engine, role=None) as connection:
        return clock_of(connection)


def clock_of(connection: Connection) -> datetime:
    """Return what `read_clock` does, read in a transaction that is under way."""
    now: datetime = run_stage(connection, "read_clock", {})["now_at"]
    text = os.environ.get("LOYALTY_NOW")
    if not text:
        return now
    pretended = parse_instant(text, "LOYALTY_NOW")
    if pretended > now:
        raise InvalidInstantError(
            f"LOYALTY_NOW is {text!r}, later than the database's clock ({now.isoformat()}); it "
            "can only stand for the past."
        )
    return pretended


def check_as_of(as_of: datetime, now: datetime) -> None:
    """Refuse a run for an instant that has not come: a typo must not expire everybody.

    Raises:
        InvalidInstantError: `as_of` lies more than five minutes after `now`, or before 1970.
    """
    if as_of < AS_OF_EARLIEST:
        raise InvalidInstantError(
            f"as_of is {as_of.isoformat()}, before 1970; nothing was done. Start the run "
            "again with the instant that was meant."
        )
    if as_of > now + AS_OF_TOLERANCE:
        raise InvalidInstantError(
            f"as_of is {as_of.isoformat()}, but it is only {now.isoformat()}; nothing was done. "
            "Start the run again with an instant that has passed."
        )
