"""The pipeline's own sessions: the real tasks, on runs that are opened and planned beforehand."""

from __future__ import annotations

from sqlalchemy import Engine

from include.clock import parse_instant
from include.cohorts import Kind, carry_out, select_cohort, skip
from include.mail.outbox import Result, Sender, claim, hand_over, open_sender, record, recover
from include.runs import RunRequest, close_run, open_run
from tests.interleavings.application import AT
from tests.interleavings.gates import Work

# Statements that touch only what their transaction has locked or written, and settings: silent
# where no session of the play changes settings.
WITHIN_CHUNK = frozenset(
    (
        "expire_points/02_record_skips",
        "queue_warnings/02_stamp_cards",
        "queue_warnings/03_record_skips",
    )
)
WITHIN_CLAIM = frozenset(
    (
        "claim_mail/02_date_warnings",
        "claim_mail/04_supersede_events",
        "claim_mail/05_suppress_mails",
        "claim_mail/06_claim_mails",
    )
)
# What closing does once it has the run for itself.
WITHIN_CLOSING = frozenset(
    (
        "close_run/02_count_programs",
        "close_run/03_close_run",
        "close_run/04_read_run",
        "checks",
    )
)
# What decides on rows that the statement before has locked. Silent only where there would be too
# many orders; other plays keep a gate before each.
AFTER_LOCKING = frozenset(
    (
        "expire_points/01_post_expirations",
        "claim_mail/03_supersede_warnings",
        "recover_mail/02_recover_mails",
    )
)


def planned(engine: Engine, kind: Kind, dag_run_id: str = "day", at: str = AT) -> int:
    """Open a run and plan one cohort; returns the run's id."""
    run_id = open_run(engine, RunRequest("interleaving", dag_run_id, parse_instant(at, "as_of")))
    select_cohort(engine, run_id, kind)
    return run_id


def carrying_out(run_id: int, kind: Kind) -> Work:
    """The task that carries out one cohort."""
    return lambda engine: carry_out(engine, run_id, kind)


def giving_up(run_id: int, kind: Kind, card_id: int) -> Work:
    """The retry of a frozen task: it finds the card held, says so and lets the run be closed."""

    def work(engine: Engine) -> None:
        skip(engine, run_id, kind, "locked", card_id=card_id)
        close_run(engine, run_id)

    return work


def send(engine: Engine) -> None:
    """A sender whose every mail is accepted, from the claim to the record."""
    with open_sender(engine) as sender:
        _send(sender)


def _send(sender: Sender) -> None:
    now = parse_instant(AT, "at")
    if mails := claim(sender, sent_at=now).mails:
        record(sender, [Result(mail.id, "sent") for mail in mails], now)


def die_while_sending(engine: Engine) -> None:
    """A sender that hands over what is due and is gone before any answer."""
    with open_sender(engine) as sender:
        now = parse_instant(AT, "at")
        mails = claim(sender, sent_at=now).mails
        hand_over(sender, dict.fromkeys((mail.id for mail in mails), "<a@shop.example>"), now)


def take_back(engine: Engine) -> None:
    """Whoever takes the mails of dead senders back."""
    recover(engine, parse_instant(AT, "at"))
