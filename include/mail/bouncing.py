"""Suppresses the addresses at which accepted mails failed for good."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Engine

from include.database import MAILER, run_stage, statements, transaction
from include.mail.message import usable_address
from include.mail.reports import Failure, failures_of

BATCH_SIZE = 500


@dataclass
class BounceFigures:
    """How many mails were looked at, how many tell of a failure for good, who was suppressed."""

    mails: int = 0
    failures: int = 0
    suppressed: int = 0


def suppress_bounced(engine: Engine, reports: Iterable[bytes], at: datetime) -> BounceFigures:
    """Suppress each customer whose mail of ours failed for good at the address they still have.

    A report counts where both its Message-ID and its recipient are those of a mail we sent; any
    other one changes nothing.
    """
    figures = BounceFigures()
    remaining = iter(reports)
    while batch := list(islice(remaining, BATCH_SIZE)):
        failures = [failure for raw in batch for failure in failures_of(raw)]
        figures.mails += len(batch)
        figures.failures += len(failures)
        figures.suppressed += _suppress(engine, failures, at) if failures else 0
    return figures


def _suppress(engine: Engine, failures: list[Failure], at: datetime) -> int:
    (read,) = statements("read_bounced_mails")
    failed_at: dict[str, frozenset[str]] = {}
    for failure in failures:
        known = failed_at.get(failure.message_id, frozenset())
        failed_at[failure.message_id] = known | failure.addresses
    with transaction(engine, role=MAILER) as connection:
        result = connection.exec_driver_sql(read, {"message_ids": list(failed_at)})
        mails: list[Mapping[str, Any]] = [dict(row) for row in result.mappings()]
        customers = dict(_bounced(mails, failed_at))
        binds = {
            "customer_ids": list(customers),
            "emails": list(customers.values()),
            "suppressed_at": at,
        }
        return int(run_stage(connection, "suppress_customers", binds)["customers_suppressed"])


def _bounced(
    mails: Iterable[Mapping[str, Any]], failed_at: Mapping[str, frozenset[str]]
) -> Iterator[tuple[int, str]]:
    for mail in mails:
        went_to = mail["recipient_email"].lower()
        address_now = usable_address(mail["email"] or "")
        is_still_theirs = address_now is not None and address_now.lower() == went_to
        if is_still_theirs and went_to in failed_at[mail["message_id"]]:
            yield mail["customer_id"], mail["email"]
