"""The mail room in an example's hands: claim what is due, and record an answer, in a word each."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from include.mail.answers import Outcome
from include.mail.outbox import Claim, Result, claim, hand_over, open_sender, record
from tests.mail.rows import NOW


def claimed(engine: Engine, sent_at: str = NOW) -> Claim:
    """Claim what is due, as a sender that ends right after it."""
    with open_sender(engine) as sender:
        return claim(sender, sent_at=datetime.fromisoformat(sent_at))


def answered(engine: Engine, outcome: Outcome, sent_at: str = NOW) -> None:
    """Claim what is due and record the same outcome for all of it."""
    moment = datetime.fromisoformat(sent_at)
    with open_sender(engine) as sender:
        mails = claim(sender, sent_at=moment).mails
        assert mails
        results = [
            Result(mail.id, outcome, f"answer {outcome}", "anna@home.example") for mail in mails
        ]
        record(sender, results, moment)


def handed_over(engine: Engine, sent_at: str = NOW) -> None:
    """Claim what is due and hand it over, as a sender that dies before any answer."""
    moment = datetime.fromisoformat(sent_at)
    with open_sender(engine) as sender:
        mails = claim(sender, sent_at=moment).mails
        marked = hand_over(sender, {mail.id: f"<{mail.id}@shop.example>" for mail in mails}, moment)
        assert marked == {mail.id for mail in mails}
