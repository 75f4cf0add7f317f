"""What an answer, its absence or a dead sender means: status, retries, promise and gate."""

from __future__ import annotations

from sqlalchemy import Engine

from tests.mail.rows import card, expired, mail_row, notice, one, status, warning
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
    assert one(engine, "select failed_on::text from loyalty.expiration_notices") == TODAY
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
        "failure_leaves_no_day",
        PROMISE,
        "given.outcome = 'temporary' and mails.attempts >= 3",
        "given.outcome = 'temporary' and mails.attempts > 3",
        "Without it a warning that failed would be queued again on the same day.",
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
