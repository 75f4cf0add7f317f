"""The outbox: claims mails that are due, records what became of them, recovers a dead sender's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from include.database import (
    CLAIMING,
    LOOKING,
    MAILER,
    RECORDING,
    Binds,
    run_stage,
    statements,
    transaction,
)
from include.errors import LoyaltyError
from include.mail.answers import Outcome
from include.mail.templates import DECLARED_VARIABLES

# Claimed together; what a customer did since is looked at again with the next batch.
BATCH_SIZE_MAX = 50
# Under way together. So many mails at most may have arrived or not when a sender dies; every
# handful costs two small transactions: by 10, 25 and 50 a mail costs 790, 659 and 642 us.
HANDFUL_MAX = 25
# The first half of every sender's advisory lock; the number only has to be ours.
SENDER_LOCK_CLASS = 7_016_514


@dataclass(frozen=True)
class Mail:
    """One claimed row with what is needed to write and address it.

    `is_retried`: the server took others, or put this one off, when it was tried before.
    """

    id: int
    template_code: str
    language: str
    store_id: int | None
    occurrence_key: str
    email: str | None = field(repr=False)
    variables: Mapping[str, Any]
    customer_first_name: str = field(repr=False)
    card_number: str
    program_name: str
    merchant_name: str
    store_name: str
    message_id: str | None = None
    merchant_reply_to: str | None = None
    is_retried: bool = False


@dataclass(frozen=True)
class Claim:
    """One batch: the ids picked, the mails to send, and what was set aside on the way.

    `last_id` is the last mail looked at, picked or passed over; None where no more was due.
    `senders` is how many senders were alive, this one included.
    """

    picked_ids: list[int]
    last_id: int | None
    mails: list[Mail]
    superseded: int
    suppressed: int
    senders: int = 1


@dataclass(frozen=True)
class Result:
    """What became of one mail; the recipient where it was handed over."""

    mail_id: int
    outcome: Outcome
    answer: str | None = None
    recipient: str | None = None


@dataclass(frozen=True)
class Recovery:
    """What became of dead senders' mails.

    `unsent` were not handed over and are queued; `sent_again` are warnings that may have arrived
    and go once more; `ambiguous` may have arrived and wait for a person.
    """

    unsent: int
    sent_again: int
    ambiguous: int


@dataclass(frozen=True)
class Sender:
    """A sending process: its number, and the session that holds the number's lock."""

    id: int
    engine: Engine = field(repr=False)
    lock_session: Connection = field(repr=False)
    known_time_zones: list[str] = field(repr=False)

    @property
    def binds(self) -> Binds:
        """What every statement about this sender's mails is told."""
        return {
            "sender_id": self.id,
            "sender_lock_class": SENDER_LOCK_CLASS,
            "known_time_zones": self.known_time_zones,
        }


@contextmanager
def open_sender(engine: Engine) -> Iterator[Sender]:
    """Open a sender; its lock goes with its session, however the process ends."""
    session = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    # Taken out of the pool, so that closing it really ends the session and frees the lock.
    session.detach()
    with session:
        sender = Sender(_take_number(engine), engine, session, _known_time_zones(engine))
        run_stage(session, "open_sender", sender.binds)
        try:
            yield sender
        finally:
            # A session that broke has lost its lock already, and must not hide why.
            with suppress(SQLAlchemyError):
                run_stage(session, "close_sender", sender.binds)


def _take_number(engine: Engine) -> int:
    with transaction(engine, role=MAILER) as connection:
        return int(run_stage(connection, "number_sender", {})["sender_id"])


def _known_time_zones(engine: Engine) -> list[str]:
    """Return the programs' time zones that the database knows; mails of others go by UTC."""
    with transaction(engine, role=MAILER) as connection:
        return list(run_stage(connection, "read_mail_zones", {})["known_time_zones"])


def recover(engine: Engine, recovered_at: datetime) -> Recovery:
    """Take back the mails of senders that died."""
    binds = {
        "sender_lock_class": SENDER_LOCK_CLASS,
        "recovered_at": recovered_at,
        "known_time_zones": _known_time_zones(engine),
    }
    with transaction(engine, role=MAILER) as connection:
        recovered = run_stage(connection, "recover_mail", binds)
    return Recovery(
        unsent=int(recovered["mails_unsent"]),
        sent_again=int(recovered["mails_sent_again"]),
        ambiguous=int(recovered["mails_ambiguous"]),
    )


def claim(
    sender: Sender,
    *,
    sent_at: datetime,
    named_ids: Sequence[int] | None = None,
    after_id: int = 0,
    excluded_ids: Sequence[int] = (),
) -> Claim:
    """Claim at most 50 due mails: those named, or any above `after_id`.

    Raises:
        LoyaltyError: the sender's lock is gone, so that others may hold its mails.
    """
    senders = _living_senders(sender)
    binds = sender.binds | {
        "template_codes": list(DECLARED_VARIABLES),
        "named_ids": None if named_ids is None else list(named_ids),
        "after_id": after_id,
        "excluded_ids": list(excluded_ids),
        "sent_at": sent_at,
    }
    with transaction(sender.engine, CLAIMING, role=MAILER) as connection:
        claimed = run_stage(connection, "claim_mail", binds)
        (read,) = statements("read_claims")
        rows = connection.exec_driver_sql(read, claimed).mappings().all()
    return Claim(
        picked_ids=list(claimed["email_log_ids"]),
        last_id=claimed["last_mail_id"],
        mails=[Mail(**row) for row in rows],
        superseded=int(claimed["mails_superseded"] + claimed["events_superseded"]),
        suppressed=int(claimed["mails_suppressed"]),
        senders=senders,
    )


def count_due(engine: Engine, now: datetime) -> int:
    """Return how many mails a sender would take now."""
    binds = {"template_codes": list(DECLARED_VARIABLES), "now_at": now}
    with transaction(engine, LOOKING, role=MAILER) as connection:
        return int(run_stage(connection, "count_due_mails", binds)["mails_due"])


def hand_over(sender: Sender, message_ids: Mapping[int, str], handed_over_at: datetime) -> set[int]:
    """Mark claimed mails as under way, each with its Message-ID; return those to send now."""
    binds = sender.binds | {
        "letter_ids": list(message_ids),
        "message_ids": list(message_ids.values()),
        "handed_over_at": handed_over_at,
    }
    with transaction(sender.engine, RECORDING, role=MAILER) as connection:
        return set(run_stage(connection, "hand_over_mail", binds)["marked_ids"])


def record(sender: Sender, results: Sequence[Result], recorded_at: datetime) -> Binds:
    """Record what became of a sender's mails; returns counts named `mails_…` by status."""
    binds = sender.binds | {
        "outcome_ids": [result.mail_id for result in results],
        "outcomes": [result.outcome for result in results],
        "answers": [result.answer for result in results],
        "recipients": [result.recipient for result in results],
        "recorded_at": recorded_at,
    }
    with transaction(sender.engine, RECORDING, role=MAILER) as connection:
        return run_stage(connection, "record_mail", binds)


def forget_erased(engine: Engine) -> int:
    """Forget where mails went whose customers were erased since; returns how many mails."""
    with transaction(engine, LOOKING, role=MAILER) as connection:
        return int(run_stage(connection, "forget_addresses", {})["recipients_forgotten"])


def put_off(engine: Engine, mail_ids: Sequence[int], put_off_at: datetime, reason: str) -> None:
    """Let mails wait ten minutes that are queued again; what happened to them was no attempt."""
    binds = {"put_off_ids": list(mail_ids), "put_off_at": put_off_at, "reason": reason}
    with transaction(engine, RECORDING, role=MAILER) as connection:
        run_stage(connection, "put_off_mails", binds)


def _living_senders(sender: Sender) -> int:
    known = run_stage(sender.lock_session, "check_sender", sender.binds)
    if not known["is_held"]:
        raise LoyaltyError("The sender lost its lock in the database; run the task again.")
    return int(known["senders_total"])
