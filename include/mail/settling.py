"""Mails that may have arrived: a person looks at them and sends them again, or closes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from include.database import MAILER, READER, run_stage, statements, transaction


@dataclass(frozen=True)
class AmbiguousMail:
    """One mail that waits; `handed_over_at` is when it went to the mail server."""

    id: int
    template_code: str
    card_id: int | None
    message_id: str | None
    handed_over_at: datetime


def list_ambiguous(engine: Engine) -> list[AmbiguousMail]:
    """Return the mails that wait for a person, the oldest first."""
    (read,) = statements("list_ambiguous_mails")
    with transaction(engine, role=READER) as connection:
        return [AmbiguousMail(**row) for row in connection.exec_driver_sql(read).mappings()]


def send_again(engine: Engine, mail_ids: Sequence[int] | None) -> list[int]:
    """Queue ambiguous mails again (None: all of them); return the ids of those that were."""
    return _settle(engine, mail_ids, is_sent_again=True)


def close(engine: Engine, mail_ids: Sequence[int] | None) -> list[int]:
    """Close ambiguous mails for good (None: all of them); return the ids of those that were."""
    return _settle(engine, mail_ids, is_sent_again=False)


def _settle(engine: Engine, mail_ids: Sequence[int] | None, *, is_sent_again: bool) -> list[int]:
    binds = {
        "mail_ids": None if mail_ids is None else list(mail_ids),
        "is_sent_again": is_sent_again,
    }
    with transaction(engine, role=MAILER) as connection:
        return list(run_stage(connection, "settle_mails", binds)["settled_ids"])
