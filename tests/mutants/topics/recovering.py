"""A sender that died, or another that is alive: whose mails are whose."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from include.mail.outbox import (
    Recovery,
    Result,
    claim,
    hand_over,
    open_sender,
    record,
    recover,
)
from tests.mail.rows import NOW, card, expired, mail_row, notice, status, warning
from tests.mutants.mutant import Mutant
from tests.mutants.post import claimed, handed_over

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
        assert recover(engine, datetime.fromisoformat(NOW)) == Recovery(0, 0, 0)
        assert status(engine, mail_id) == "sending"


def dead_senders_warning_goes_once_more_and_then_waits(engine: Engine) -> None:
    # 02:00 UTC of 11 March is 22:00 of the 10th in New York.
    now = "2024-03-11T02:00:00+00:00"
    card_id = card(engine, time_zone="America/New_York")
    warned, other = warning(engine, card_id), expired(engine, card_id)
    handed_over(engine, now)
    assert recover(engine, datetime.fromisoformat(now)) == Recovery(0, 1, 1)
    assert (status(engine, warned), status(engine, other)) == ("queued", "ambiguous")
    assert notice(engine, warned) == (NAMED, NAMED, None)
    handed_over(engine, now)
    assert recover(engine, datetime.fromisoformat(now)) == Recovery(0, 0, 1)
    assert status(engine, warned) == "ambiguous"
    assert notice(engine, warned)[2] == TODAY


def dead_senders_unsent_mails_are_queued_unchanged(engine: Engine) -> None:
    # The expiry's mail was handed over once before, and given back: that mark is old.
    card_id = card(engine)
    warned, other = warning(engine, card_id), expired(engine, card_id, handed_over_at=NOW)
    claimed(engine)
    assert recover(engine, datetime.fromisoformat(NOW)) == Recovery(2, 0, 0)
    for mail_id in (warned, other):
        row = mail_row(engine, mail_id)
        assert (row.status, row.ambiguous_times, row.error_message) == ("queued", 0, None)
    assert notice(engine, warned) == (NAMED, None, None)


def mail_that_was_taken_away_is_not_handed_over(engine: Engine) -> None:
    mail_id = expired(engine, card(engine))
    moment = datetime.fromisoformat(NOW)
    with open_sender(engine) as holder, open_sender(engine) as stranger:
        claim(holder, sent_at=moment)
        assert hand_over(stranger, {mail_id: "<1@shop.example>"}, moment) == set()
        assert hand_over(holder, {mail_id: "<1@shop.example>"}, moment) == {mail_id}
        assert hand_over(holder, {mail_id: "<1@shop.example>"}, moment) == set()


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
        "ambiguous_times = mails.ambiguous_times + orphans.is_ambiguous::integer",
        "ambiguous_times = mails.ambiguous_times",
        "Once more, and then it waits for a person.",
        dead_senders_warning_goes_once_more_and_then_waits,
    ),
    Mutant(
        "unsent_mails_wait_for_a_person",
        RECOVER,
        "mails.handed_over_at is not null as is_ambiguous",
        "true as is_ambiguous",
        "What was not handed over cannot have arrived.",
        dead_senders_unsent_mails_are_queued_unchanged,
    ),
    Mutant(
        "mark_of_an_earlier_attempt_is_kept",
        "claim_mail/06_claim_mails.sql",
        "    handed_over_at = null,\n",
        "",
        "A claim starts anew: nothing of it was handed over.",
        dead_senders_unsent_mails_are_queued_unchanged,
    ),
    Mutant(
        "unsent_warning_is_a_promise",
        RECOVER,
        "    where orphans.is_ambiguous\n",
        "",
        "A date that nobody can have read is no promise.",
        dead_senders_unsent_mails_are_queued_unchanged,
    ),
    Mutant(
        "mails_of_another_sender_are_handed_over",
        "hand_over_mail/01_mark_mails.sql",
        "and mails.sender_id = %(sender_id)s::integer",
        "",
        "What was taken away meanwhile must not be sent.",
        mail_that_was_taken_away_is_not_handed_over,
    ),
    Mutant(
        "mails_are_handed_over_twice",
        "hand_over_mail/01_mark_mails.sql",
        "and mails.handed_over_at is null",
        "",
        "A mail that is under way is not sent beside itself.",
        mail_that_was_taken_away_is_not_handed_over,
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
