"""A sender that died, or another that is alive: whose mails are whose."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from include.mail.outbox import Result, claim, open_sender, record, recover
from tests.mail.rows import NOW, card, expired, notice, status, warning
from tests.mutants.mutant import Mutant
from tests.mutants.post import claimed

PROMISE = "record_mail/01_keep_promises.sql"
RECORD = "record_mail/02_record_mails.sql"
RECOVER = "recover_mail/02_recover_mails.sql"
NAMED = "2024-03-24"
TODAY = "2024-03-10"


def only_the_holder_records(engine: Engine) -> None:
    mail_id = warning(engine, card(engine))
    with open_sender(engine) as holder, open_sender(engine) as stranger:
        claim(holder, sent_at=datetime.fromisoformat(NOW))
        record(stranger, [Result(mail_id, "sent")], datetime.fromisoformat(NOW))
        assert status(engine, mail_id) == "sending"
        assert notice(engine, mail_id)[1:] == (None, None)


def living_sender_is_not_robbed(engine: Engine) -> None:
    mail_id = expired(engine, card(engine))
    with open_sender(engine) as sender:
        claim(sender, sent_at=datetime.fromisoformat(NOW))
        assert recover(engine, datetime.fromisoformat(NOW)) == (0, 0)
        assert status(engine, mail_id) == "sending"


def dead_senders_warning_goes_once_more_and_then_waits(engine: Engine) -> None:
    # 02:00 UTC of 11 March is 22:00 of the 10th in New York.
    now = "2024-03-11T02:00:00+00:00"
    card_id = card(engine, time_zone="America/New_York")
    warned, other = warning(engine, card_id), expired(engine, card_id)
    claimed(engine, now)
    assert recover(engine, datetime.fromisoformat(now)) == (1, 1)
    assert (status(engine, warned), status(engine, other)) == ("queued", "ambiguous")
    assert notice(engine, warned) == (NAMED, NAMED, None)
    claimed(engine, now)
    assert recover(engine, datetime.fromisoformat(now)) == (0, 1)
    assert status(engine, warned) == "ambiguous"
    assert notice(engine, warned)[2] == TODAY


MUTANTS = (
    Mutant(
        "strangers_answer_opens_the_gate",
        PROMISE,
        "and mails.sender_id = %(sender_id)s::integer",
        "",
        "Only the sender that holds a mail knows what became of it.",
        only_the_holder_records,
    ),
    Mutant(
        "strangers_answer_is_recorded",
        RECORD,
        "and mails.sender_id = %(sender_id)s::integer",
        "",
        "Only the sender that holds a mail knows what became of it.",
        only_the_holder_records,
    ),
    Mutant(
        "living_sender_is_robbed",
        RECOVER,
        "where living_senders.sender_id = mails.sender_id",
        "where living_senders.sender_id <> mails.sender_id",
        "Its mails are about to be sent, and would go twice.",
        living_sender_is_not_robbed,
    ),
    Mutant(
        "dead_senders_warning_goes_for_ever",
        RECOVER,
        "ambiguous_times = mails.ambiguous_times + 1",
        "ambiguous_times = mails.ambiguous_times",
        "Once more, and then it waits for a person.",
        dead_senders_warning_goes_once_more_and_then_waits,
    ),
    Mutant(
        "dead_senders_expiry_mail_goes_again",
        RECOVER,
        "and mails.template_code = 'loyalty_points_expiring' as is_sent_again",
        "as is_sent_again",
        "Only a missing warning is worse than a double one.",
        dead_senders_warning_goes_once_more_and_then_waits,
    ),
    Mutant(
        "dead_sender_promised_nothing",
        RECOVER,
        "promised_on = greatest(notices.promised_on, notices.named_on)",
        "promised_on = notices.promised_on",
        "The customer may have the mail, with its date.",
        dead_senders_warning_goes_once_more_and_then_waits,
    ),
    Mutant(
        "dead_sender_opens_the_gate_at_once",
        RECOVER,
        "when local_days.is_sent_again then notices.opened_on",
        "when false then notices.opened_on",
        "The warning goes once more; the gate opens when that is unknown too.",
        dead_senders_warning_goes_once_more_and_then_waits,
    ),
    Mutant(
        "dead_senders_gate_opens_on_the_utc_date",
        RECOVER,
        "                    then programs.time_zone\n",
        "                    then 'UTC'\n",
        "The days of notice are local days.",
        dead_senders_warning_goes_once_more_and_then_waits,
    ),
)
