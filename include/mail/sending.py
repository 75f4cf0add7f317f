"""Sends the mails that are due: claims a batch, writes it, hands it over, records it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from math import inf

from sqlalchemy import Engine

from include.clock import read_clock
from include.errors import MailServerError, UnfinishedError
from include.mail.answers import Answer, codes, taken_for
from include.mail.dispatch import Dispatch
from include.mail.figures import SendFigures
from include.mail.outbox import (
    BATCH_SIZE_MAX,
    HANDFUL_MAX,
    Claim,
    Mail,
    Recovery,
    Result,
    Sender,
    claim,
    count_due,
    forget_erased,
    hand_over,
    open_sender,
    put_off,
    record,
    recover,
)
from include.mail.server import MailServer
from include.mail.writing import Letter, Writer, load_templates
from include.progress import Progress, Tell, tell_log

log = logging.getLogger(__name__)

# So many mails that a server refuses on our account, while it takes none, are its fault.
_UNWELCOME_MIN = 5
# After so many of them no further mail is tried.
_UNWELCOME_MAX = 50
_HUNG_UP = "The server hung up before the data of this mail, and took others."
_UNWELCOME = "The server refused this mail and all others, and not because of their recipients."


@dataclass(frozen=True)
class _Desk:
    """One sender at work, with its connections, its templates and its figures so far."""

    engine: Engine
    sender: Sender
    server: MailServer
    dispatch: Dispatch
    writer: Writer
    figures: SendFigures
    progress: Progress
    # When no further batch is begun, by `time.monotonic`.
    ends_at: float
    # Mails whose fate got unknown in this very run: once more, but not by the same broken server.
    unknown_ids: list[int] = field(default_factory=list)
    # Mails that the server hung up on before their data, queued again.
    hung_up_ids: list[int] = field(default_factory=list)
    # Of these the ones that were tried in an earlier run.
    retried_ids: set[int] = field(default_factory=set)
    # Mails that it refused on our account before it had taken any, queued again, with its codes.
    unwelcome: dict[int, str] = field(default_factory=dict)


def send_due(
    engine: Engine,
    server: MailServer,
    *,
    named_ids: Iterable[list[int]] | None,
    tell: Tell | None = None,
    count: Callable[[dict[str, int]], None] | None = None,
    seconds_max: float = inf,
) -> SendFigures:
    """Send the mails that a file names, then whatever else is due; connect only if there is one.

    Before that, dead senders' mails are taken back, and where erased customers' mails went is
    forgotten. `tell` hears of the progress, and `count` of the figures, however it ends. After
    `seconds_max` no batch is begun any more.

    Raises:
        MailServerError: the server cannot be worked with; what it took is recorded, and the rest
            stays queued.
        ConfigurationError: the server's settings cannot be used; nothing was claimed.
        UnfinishedError: `seconds_max` have passed, and mails that are due are left.
    """
    ends_at = time.monotonic() + seconds_max
    figures = SendFigures()
    with Dispatch(server) as dispatch:
        writer = Writer(load_templates(engine), server)
        _recover(engine)
        forget_erased(engine)
        with open_sender(engine) as sender:
            progress = _begin(engine, tell)
            desk = _Desk(engine, sender, server, dispatch, writer, figures, progress, ends_at)
            try:
                _send_named(desk, named_ids or ())
                _send_others(desk)
                _judge(desk)
                desk.progress.end()
            finally:
                log.info("Mails: %s.", figures)
                if count:
                    count(asdict(figures))
    return figures


def _begin(engine: Engine, tell: Tell | None) -> Progress:
    told = tell_log("Mails", also=tell)
    return Progress(lambda: count_due(engine, read_clock(engine)), told, clock=time.monotonic)


def _recover(engine: Engine) -> None:
    recovery = recover(engine, read_clock(engine))
    if recovery != Recovery(0, 0, 0):
        log.warning(
            "A sender died: %s mails it had not sent are queued again, %s warnings that may have "
            "arrived go out once more, %s other mails wait for a person (`make settle`).",
            recovery.unsent,
            recovery.sent_again,
            recovery.ambiguous,
        )


def _send_named(desk: _Desk, parts: Iterable[list[int]], *, is_last_word: bool = False) -> None:
    for part in parts:
        for start in range(0, len(part), BATCH_SIZE_MAX):
            named_ids = part[start : start + BATCH_SIZE_MAX]
            _send_batch(desk, named_ids=named_ids, is_last_word=is_last_word)


def _send_others(desk: _Desk) -> None:
    # Upwards by id, so that each mail is tried once per run and the loop ends.
    after_id: int | None = 0
    while after_id is not None:
        after_id = _send_batch(desk, after_id=after_id).last_id


def _judge(desk: _Desk) -> None:
    if desk.unwelcome:
        _judge_unwelcome(desk)
    if desk.hung_up_ids:
        # A mail that was put off before says nothing new about the server.
        if not desk.retried_ids.issuperset(desk.hung_up_ids):
            desk.dispatch.require_answers()
        _put_off(desk, desk.hung_up_ids, _HUNG_UP)


def _judge_unwelcome(desk: _Desk) -> None:
    """Ask once more about mails that were refused on our account before the server took any."""
    if not desk.figures.sent and len(desk.unwelcome) >= _UNWELCOME_MIN:
        raise _unwelcome_error(desk)
    mail_ids = list(desk.unwelcome)
    desk.unwelcome.clear()
    _send_named(desk, [mail_ids], is_last_word=True)


def _unwelcome_error(desk: _Desk) -> MailServerError:
    said = ", ".join(sorted(set(desk.unwelcome.values())))
    return desk.server.error(f"refuses every mail, and not because of its recipient ({said})")


def _put_off(desk: _Desk, mail_ids: list[int], reason: str) -> None:
    put_off(desk.engine, mail_ids, read_clock(desk.engine), reason)
    desk.figures.put_off += len(mail_ids)


def _send_batch(
    desk: _Desk,
    *,
    named_ids: list[int] | None = None,
    after_id: int = 0,
    is_last_word: bool = False,
) -> Claim:
    if time.monotonic() > desk.ends_at:
        raise UnfinishedError(
            "This sender's time is over; the mails that are left stay queued, and the next try or "
            "the next run goes on. Where that happens often, give the connection loyalty_smtp more "
            "connections, or the pool of the senders more slots."
        )
    now = read_clock(desk.engine)
    claimed = claim(
        desk.sender,
        sent_at=now,
        named_ids=named_ids,
        after_id=after_id,
        excluded_ids=desk.unknown_ids + desk.hung_up_ids + list(desk.unwelcome),
    )
    desk.figures.superseded += claimed.superseded
    desk.figures.suppressed += claimed.suppressed
    desk.progress.add(claimed.superseded + claimed.suppressed)
    desk.dispatch.share(claimed.senders)
    left = list(claimed.mails)
    handful = HANDFUL_MAX * desk.dispatch.connections
    try:
        while left:
            mails, left = left[:handful], left[handful:]
            now = _send_handful(desk, mails, now, is_last_word=is_last_word)
    finally:
        if left:
            _record(desk, [Result(mail.id, "released") for mail in left])
    return claimed


def _send_handful(desk: _Desk, mails: list[Mail], now: datetime, *, is_last_word: bool) -> datetime:
    """Send some claimed mails and record what became of each; return when that was."""
    # Until a mail is handed over its result is that nothing happened to it.
    results = {mail.id: Result(mail.id, "released") for mail in mails}
    answers: dict[int, Answer] = {}
    letters: dict[int, Letter] = {}
    try:
        letters = _write(desk, mails, now, results)
        desk.dispatch.send(_handed_over(desk, letters, now), answers)
    finally:
        for mail_id, answer in _understood(desk, answers, is_last_word=is_last_word).items():
            recipient = letters[mail_id].recipient
            results[mail_id] = Result(mail_id, answer.outcome, answer.text, recipient)
        recorded_at = _record(desk, list(results.values()))
    retried_ids = {mail.id for mail in mails if mail.is_retried}
    desk.retried_ids.update(retried_ids.intersection(desk.hung_up_ids))
    if len(desk.unwelcome) >= _UNWELCOME_MAX and not desk.figures.sent:
        # Should it be these recipients all the same, the next try gets to the others.
        _put_off(desk, list(desk.unwelcome), _UNWELCOME)
        raise _unwelcome_error(desk)
    return recorded_at


def _understood(
    desk: _Desk, answers: dict[int, Answer], *, is_last_word: bool
) -> dict[int, Answer]:
    """Return the answers with what a refusal on our account makes of its mail.

    A server that takes others means this one, for good. One that has taken none may let nobody in:
    the mail is queued again and judged at the end; one of a few is then deferred.
    """
    if desk.figures.sent or any(each.outcome == "sent" for each in answers.values()):
        return taken_for(answers, "permanent")
    if is_last_word:
        return taken_for(answers, "temporary")
    desk.unwelcome.update(
        (mail_id, codes(each.text or ""))
        for mail_id, each in answers.items()
        if each.outcome == "unwelcome"
    )
    return taken_for(answers, "released")


def _write(
    desk: _Desk, mails: list[Mail], written_at: datetime, results: dict[int, Result]
) -> dict[int, Letter]:
    letters = {}
    for mail in mails:
        written = desk.writer.write(mail, written_at)
        if isinstance(written, Letter):
            letters[mail.id] = written
        else:
            results[mail.id] = written
    return letters


def _handed_over(desk: _Desk, letters: dict[int, Letter], now: datetime) -> dict[int, Letter]:
    if not letters:
        return letters
    message_ids = {mail_id: letter.message_id for mail_id, letter in letters.items()}
    marked_ids = hand_over(desk.sender, message_ids, now)
    return {mail_id: letter for mail_id, letter in letters.items() if mail_id in marked_ids}


def _record(desk: _Desk, results: list[Result]) -> datetime:
    recorded_at = read_clock(desk.engine)
    desk.figures.add(record(desk.sender, results, recorded_at))
    for result in results:
        if result.outcome == "ambiguous":
            desk.unknown_ids.append(result.mail_id)
        elif result.outcome == "hung_up":
            desk.hung_up_ids.append(result.mail_id)
        if result.outcome not in ("sent", "released"):
            said = codes(result.answer or "")
            log.warning("Mail %s: %s (%s)", result.mail_id, result.outcome, said)
    desk.progress.add(sum(result.outcome not in ("released", "hung_up") for result in results))
    return recorded_at
