"""Sends the mails that are due: claims a batch, writes it, hands it over, records it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Engine

from include.clock import read_clock
from include.errors import LoyaltyError
from include.mail.delivery import MailServer, SmtpSession
from include.mail.outbox import (
    BATCH_SIZE_MAX,
    Claim,
    Mail,
    Result,
    Sender,
    claim,
    open_sender,
    record,
    recover,
)
from include.mail.writing import Letter, Writer, load_templates

log = logging.getLogger(__name__)


@dataclass
class SendFigures:
    """How many mails became what; `ambiguous` counts warnings that go out once more, too."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    suppressed: int = 0
    superseded: int = 0
    ambiguous: int = 0


@dataclass(frozen=True)
class _Desk:
    """One sender at work, with its connection, its templates and its figures so far."""

    engine: Engine
    sender: Sender
    session: SmtpSession
    writer: Writer
    figures: SendFigures
    # Mails whose fate got unknown in this very run: once more, but not by the same broken server.
    unknown_ids: list[int]


def send_due(
    engine: Engine, server: MailServer, *, named_ids: Iterator[list[int]] | None
) -> SendFigures:
    """Send the mails that a file names, then whatever else is due; connect only if there is one.

    Raises:
        MailServerError: the server cannot be worked with; what it took is recorded, and the rest
            stays queued.
        ConfigurationError: the server's settings cannot be used; nothing was claimed.
    """
    figures = SendFigures()
    with SmtpSession(server) as session:
        writer = Writer(load_templates(engine), server)
        _recover(engine)
        with open_sender(engine) as sender:
            desk = _Desk(engine, sender, session, writer, figures, [])
            try:
                _send_named(desk, named_ids)
                _send_others(desk)
            finally:
                told = ", ".join(f"{count} {name}" for name, count in asdict(figures).items())
                log.info("Mails: %s.", told)
    return figures


def _recover(engine: Engine) -> None:
    queued_again, ambiguous = recover(engine, read_clock(engine))
    if queued_again or ambiguous:
        log.warning(
            "A sender died: %s warnings go out once more; %s other mails wait for a person, who "
            "sends them again or closes them.",
            queued_again,
            ambiguous,
        )


def _send_named(desk: _Desk, named_ids: Iterator[list[int]] | None) -> None:
    for part in named_ids or ():
        for start in range(0, len(part), BATCH_SIZE_MAX):
            _send_batch(desk, named_ids=part[start : start + BATCH_SIZE_MAX])


def _send_others(desk: _Desk) -> None:
    # Upwards by id, so that each mail is tried once per run and the loop ends.
    after_id: int | None = 0
    while after_id is not None:
        after_id = _send_batch(desk, after_id=after_id).last_id


def _send_batch(desk: _Desk, *, named_ids: list[int] | None = None, after_id: int = 0) -> Claim:
    sent_at = read_clock(desk.engine)
    claimed = claim(
        desk.sender,
        sent_at=sent_at,
        named_ids=named_ids,
        after_id=after_id,
        excluded_ids=desk.unknown_ids,
    )
    desk.figures.superseded += claimed.superseded
    desk.figures.suppressed += claimed.suppressed
    # Until a mail is handed over its result is that nothing happened to it.
    results = {mail.id: Result(mail.id, "released") for mail in claimed.mails}
    try:
        for letter_id, letter in _write(desk, claimed.mails, sent_at, results):
            _hand_over(desk, letter_id, letter, results)
    finally:
        _record(desk, results)
    return claimed


def _write(
    desk: _Desk, mails: list[Mail], written_at: datetime, results: dict[int, Result]
) -> list[tuple[int, Letter]]:
    letters = []
    for mail in mails:
        written = desk.writer.write(mail, written_at)
        if isinstance(written, Letter):
            letters.append((mail.id, written))
        else:
            results[mail.id] = written
    return letters


def _hand_over(desk: _Desk, mail_id: int, letter: Letter, results: dict[int, Result]) -> None:
    released = results[mail_id]
    results[mail_id] = Result(
        mail_id, "ambiguous", "The sender was interrupted.", message_id=letter.message_id
    )
    try:
        answer = desk.session.send(letter.recipient, letter.content)
    except LoyaltyError:
        results[mail_id] = released
        raise
    results[mail_id] = Result(
        mail_id, answer.outcome, answer.text, letter.recipient, letter.message_id
    )


def _record(desk: _Desk, results: dict[int, Result]) -> None:
    if not results:
        return
    counts = record(desk.sender, list(results.values()), read_clock(desk.engine))
    for name in ("sent", "deferred", "failed", "suppressed", "ambiguous"):
        setattr(desk.figures, name, getattr(desk.figures, name) + int(counts[f"mails_{name}"]))
    desk.unknown_ids.extend(
        result.mail_id for result in results.values() if result.outcome == "ambiguous"
    )
    for result in results.values():
        if result.outcome not in ("sent", "released"):
            log.warning("Mail %s: %s (%s)", result.mail_id, result.outcome, result.answer)
