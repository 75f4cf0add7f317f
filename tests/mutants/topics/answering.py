"""What an answer, its absence or a dead sender means: status, retries, promise and gate."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from include.mail.outbox import Result, claim, open_sender, record, recover
from tests.mail.rows import NOW, card, expired, mail_row, notice, status, warning
from tests.mutants.mutant import Equivalent, Mutant
from tests.mutants.post import answered, claimed

PROMISE = "record_mail/01_keep_promises.sql"
RECORD = "record_mail/02_record_mails.sql"
RECOVER = "recover_mail/02_recover_mails.sql"

# The last local day of the warnings below is 24 March 2024, and NOW is the 10th.
NAMED = "2024-03-24"
TODAY = "2024-03-10"


def acceptance_promises_and_opens_the_gate(engine: Engine) -> None:
    # 02:00 UTC of 11 March is 22:00 of the 10th in New York.
    mail_id = warning(engine, card(engine, time_zone="America/New_York"))
    answered(engine, "sent", "2024-03-11T02:00:00+00:00")
    assert notice(engine, mail_id) == (NAMED, NAMED, TODAY)


def refusal_for_good_opens_the_gate_and_promises_nothing(engine: Engine) -> None:
    mail_id = warning(engine, card(engine))
    answered(engine, "permanent")
    row = mail_row(engine, mail_id)
    assert (row.status, row.attempts, row.recipient_email) == ("failed", 1, None)
    assert notice(engine, mail_id) == (NAMED, None, TODAY)


def unusable_address_opens_the_gate(engine: Engine) -> None:
    mail_id = warning(engine, card(engine))
    answered(engine, "suppressed")
    assert notice(engine, mail_id) == (NAMED, None, TODAY)


def temporary_refusal_opens_no_gate_and_fails_the_fourth_time(engine: Engine) -> None:
    # 60, 120 and 240 seconds apart: due at 12:01, 12:03 and 12:07.
    mail_id = warning(engine, card(engine))
    answered(engine, "temporary")
    for minute, expected in ((1, "deferred"), (3, "deferred"), (7, "failed")):
        assert claimed(engine, f"2024-03-10T12:{minute - 1:02}:59+00:00").picked_ids == []
        answered(engine, "temporary", f"2024-03-10T12:{minute:02}:00+00:00")
        assert status(engine, mail_id) == expected
    assert claimed(engine, "2024-03-11T12:00:00+00:00").picked_ids == []
    assert mail_row(engine, mail_id).attempts == 4
    assert notice(engine, mail_id) == (NAMED, None, None)


def server_that_is_down_changes_nothing(engine: Engine) -> None:
    mail_id = warning(engine, card(engine))
    answered(engine, "released")
    row = mail_row(engine, mail_id)
    assert (row.status, row.attempts, row.sender_id) == ("queued", 0, None)
    assert notice(engine, mail_id) == (NAMED, None, None)


def unknown_fate_promises_at_once_and_opens_the_second_time(engine: Engine) -> None:
    mail_id = warning(engine, card(engine))
    answered(engine, "ambiguous")
    assert status(engine, mail_id) == "queued"
    assert notice(engine, mail_id) == (NAMED, NAMED, None)
    answered(engine, "ambiguous")
    assert status(engine, mail_id) == "ambiguous"
    assert notice(engine, mail_id) == (NAMED, NAMED, TODAY)


def other_mail_of_unknown_fate_waits(engine: Engine) -> None:
    mail_id = expired(engine, card(engine))
    answered(engine, "ambiguous")
    assert status(engine, mail_id) == "ambiguous"


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
        "gate_is_opened_by_a_4xx",
        PROMISE,
        "given.outcome in ('sent', 'permanent', 'suppressed')",
        "given.outcome in ('sent', 'permanent', 'suppressed', 'temporary')",
        "A mail that was put off was not given.",
        temporary_refusal_opens_no_gate_and_fails_the_fourth_time,
    ),
    Mutant(
        "gate_is_opened_by_a_dead_server",
        PROMISE,
        "given.outcome in ('sent', 'permanent', 'suppressed')",
        "given.outcome in ('sent', 'permanent', 'suppressed', 'released')",
        "A mail server that is down opens no gate.",
        server_that_is_down_changes_nothing,
    ),
    Mutant(
        "gate_is_not_opened_by_a_5xx",
        PROMISE,
        "given.outcome in ('sent', 'permanent', 'suppressed')",
        "given.outcome in ('sent', 'suppressed')",
        "Points cannot stay for ever because an address is refused for good.",
        refusal_for_good_opens_the_gate_and_promises_nothing,
    ),
    Mutant(
        "gate_is_not_opened_by_an_unusable_address",
        PROMISE,
        "given.outcome in ('sent', 'permanent', 'suppressed')",
        "given.outcome in ('sent', 'permanent')",
        "Minimum notice cannot wait for an address that does not exist.",
        unusable_address_opens_the_gate,
    ),
    Mutant(
        "gate_is_opened_by_the_first_unknown_fate",
        PROMISE,
        "or (given.outcome = 'ambiguous' and mails.ambiguous_times > 0)",
        "or given.outcome = 'ambiguous'",
        "The warning goes once more; the gate opens when that is unknown too.",
        unknown_fate_promises_at_once_and_opens_the_second_time,
    ),
    Mutant(
        "gate_is_opened_by_the_third_unknown_fate",
        PROMISE,
        "mails.ambiguous_times > 0",
        "mails.ambiguous_times > 1",
        "There is no third time.",
        unknown_fate_promises_at_once_and_opens_the_second_time,
    ),
    Mutant(
        "unknown_fate_promises_nothing",
        PROMISE,
        "given.outcome in ('sent', 'ambiguous') as is_promised",
        "given.outcome = 'sent' as is_promised",
        "The customer may have the mail, with its date.",
        unknown_fate_promises_at_once_and_opens_the_second_time,
    ),
    Mutant(
        "refused_mail_promises",
        PROMISE,
        "given.outcome in ('sent', 'ambiguous') as is_promised",
        "given.outcome in ('sent', 'ambiguous', 'permanent') as is_promised",
        "A date that nobody was told is no promise.",
        refusal_for_good_opens_the_gate_and_promises_nothing,
    ),
    Mutant(
        "gate_opens_on_the_utc_date",
        PROMISE,
        "                    then programs.time_zone\n",
        "                    then 'UTC'\n",
        "The days of notice are local days.",
        acceptance_promises_and_opens_the_gate,
    ),
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
        "one_retry_too_many",
        RECORD,
        "mails.attempts < 3",
        "mails.attempts < 4",
        "Three retries after the first attempt.",
        temporary_refusal_opens_no_gate_and_fails_the_fourth_time,
    ),
    Mutant(
        "one_retry_too_few",
        RECORD,
        "mails.attempts < 3",
        "mails.attempts < 2",
        "Three retries after the first attempt.",
        temporary_refusal_opens_no_gate_and_fails_the_fourth_time,
    ),
    Mutant(
        "retries_do_not_grow_apart",
        RECORD,
        "power(2, mails.attempts)",
        "power(1, mails.attempts)",
        "A server that is busy is left alone for longer and longer.",
        temporary_refusal_opens_no_gate_and_fails_the_fourth_time,
    ),
    Mutant(
        "dead_server_counts_as_an_attempt",
        RECORD,
        "answered.outcome in ('sent', 'temporary', 'permanent')",
        "answered.outcome in ('sent', 'temporary', 'permanent', 'released')",
        "Only an answer about this recipient is an attempt.",
        server_that_is_down_changes_nothing,
    ),
    Mutant(
        "dead_server_fails_the_mail",
        RECORD,
        "when 'released' then 'queued'",
        "when 'released' then 'failed'",
        "With the server down everything stays queued.",
        server_that_is_down_changes_nothing,
    ),
    Mutant(
        "unknown_fate_goes_a_third_time",
        RECORD,
        "mails.ambiguous_times = 0",
        "mails.ambiguous_times <= 1",
        "A double warning is the price of not missing one; a triple is too much.",
        unknown_fate_promises_at_once_and_opens_the_second_time,
    ),
    Mutant(
        "expiry_mail_of_unknown_fate_goes_again",
        RECORD,
        "and mails.template_code = 'loyalty_points_expiring'",
        "",
        "Only a missing warning is worse than a double one.",
        other_mail_of_unknown_fate_waits,
    ),
    Mutant(
        "refused_recipient_is_kept",
        RECORD,
        "when answered.outcome = 'sent' then answered.recipient",
        "when true then answered.recipient",
        "A mail that was not accepted keeps no address.",
        refusal_for_good_opens_the_gate_and_promises_nothing,
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

EQUIVALENT = (
    Equivalent(
        "promise_is_the_named_date_alone",
        PROMISE,
        "then greatest(notices.promised_on, notices.named_on)",
        "then notices.named_on",
        "A claim names no date before any that the cycle was promised, this notice's own included.",
    ),
)
