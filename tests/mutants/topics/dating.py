"""What date a warning names, and the days left, on the day it is sent."""

from __future__ import annotations

from sqlalchemy import Engine

from tests.mail.rows import card, notice, run, warning
from tests.mutants.mutant import Mutant
from tests.mutants.post import claimed

PICK = "claim_mail/01_pick_mails.sql"
DATE = "claim_mail/02_date_warnings.sql"
SUPPRESS = "claim_mail/05_suppress_mails.sql"
CLAIM = "claim_mail/06_claim_mails.sql"


def warning_counts_the_local_days_that_are_left(engine: Engine) -> None:
    # 02:00 UTC of 20 March is 22:00 of the 19th in New York: 24 - 19 = 5 days.
    warning(engine, card(engine, time_zone="America/New_York"), variables='{"points": 7}')
    (mail,) = claimed(engine, "2024-03-20T02:00:00+00:00").mails
    assert mail.variables["days_remaining"] == 5
    assert mail.variables["points"] == 1200


def date_that_a_warning_names_is_local(engine: Engine) -> None:
    # Active at 02:00 UTC of 26 March 2023, 22:00 of the 25th in New York: due on 24 March 2024.
    card_id = card(engine, time_zone="America/New_York")
    mail_id = warning(engine, card_id)
    run(engine, "update loyalty.loyalty_cards set last_activity_at = '2023-03-26 02:00+00'")
    run(engine, "update loyalty.expiration_notices set cycle_started_at = '2023-03-26 02:00+00'")
    claimed(engine)
    assert notice(engine, mail_id)[0] == "2024-03-24"


def kinder_days_move_the_date_and_stricter_ones_do_not(engine: Engine) -> None:
    mail_id = warning(engine, card(engine))
    for days, named_on in ((400, "2024-04-28"), (300, "2024-03-24")):
        run(engine, "update loyalty.loyalty_programs set points_expiration_days = :n", n=days)
        run(engine, "update loyalty.email_logs set status = 'queued'")
        claimed(engine)
        assert notice(engine, mail_id)[0] == named_on


def second_warning_keeps_gate_and_promise_of_the_first(engine: Engine) -> None:
    # The first opened the gate on 12 March, and 14 days of notice end on the 26th.
    card_id = card(engine, min_notice_days=14)
    first = warning(engine, card_id, status="sent")
    run(engine, "update loyalty.expiration_notices set opened_on = '2024-03-12'")
    second = warning(engine, card_id, stage_days=3)
    claimed(engine, "2024-03-21T12:00:00+00:00")
    assert notice(engine, second)[0] == "2024-03-26"
    run(engine, "update loyalty.email_logs set status = 'queued' where id = :id", id=second)
    run(
        engine,
        "update loyalty.expiration_notices set promised_on = '2024-03-28' where email_log_id = :id",
        id=first,
    )
    claimed(engine, "2024-03-21T12:00:00+00:00")
    assert notice(engine, second)[0] == "2024-03-28"


def late_warning_gives_full_notice(engine: Engine) -> None:
    # Sent on 20 March with 14 days of notice: 3 April.
    mail_id = warning(engine, card(engine, min_notice_days=14))
    (mail,) = claimed(engine, "2024-03-20T12:00:00+00:00").mails
    assert notice(engine, mail_id)[0] == "2024-04-03"
    assert mail.variables["days_remaining"] == 14


def promise_of_an_older_cycle_dates_no_warning(engine: Engine) -> None:
    card_id = card(engine)
    warning(engine, card_id, stage_days=3, status="sent")
    run(
        engine,
        "update loyalty.expiration_notices set promised_on = '2024-12-31',"
        " cycle_started_at = '2022-03-25 12:00+00'",
    )
    mail_id = warning(engine, card_id)
    claimed(engine)
    assert notice(engine, mail_id)[0] == "2024-03-24"


MUTANTS = (
    Mutant(
        "sending_day_is_the_utc_date",
        DATE,
        "(%(sent_at)s::timestamptz at time zone picked_warnings.time_zone)::date",
        "(%(sent_at)s::timestamptz at time zone 'UTC')::date",
        "The days left are those of the program's zone.",
        warning_counts_the_local_days_that_are_left,
    ),
    Mutant(
        "named_date_goes_by_the_utc_date",
        DATE,
        "(picked_warnings.cycle_started_at at time zone picked_warnings.time_zone)::date",
        "(picked_warnings.cycle_started_at at time zone 'UTC')::date",
        "The date is counted from the local day of the activity.",
        date_that_a_warning_names_is_local,
    ),
    Mutant(
        "longer_days_do_not_move_the_named_date",
        DATE,
        "            local_warnings.active_on + local_warnings.expiration_days,\n",
        "",
        "The mail tells until when the points can really be used.",
        kinder_days_move_the_date_and_stricter_ones_do_not,
    ),
    Mutant(
        "shorter_days_move_the_named_date",
        DATE,
        "            local_warnings.due_on,\n",
        "",
        "The date at which the warning was queued is the least that holds.",
        kinder_days_move_the_date_and_stricter_ones_do_not,
    ),
    Mutant(
        "second_warning_breaks_the_promise",
        DATE,
        "            given.promised_on,\n",
        "",
        "What an earlier warning promised is named again.",
        second_warning_keeps_gate_and_promise_of_the_first,
    ),
    Mutant(
        "every_warning_starts_the_notice_anew",
        DATE,
        "coalesce(given.opened_on, local_warnings.local_day)",
        "local_warnings.local_day",
        "The notice runs from the opening warning.",
        second_warning_keeps_gate_and_promise_of_the_first,
    ),
    Mutant(
        "first_warning_gives_no_notice",
        DATE,
        "coalesce(given.opened_on, local_warnings.local_day)",
        "given.opened_on",
        "A late warning names the sending day plus the days of notice.",
        late_warning_gives_full_notice,
    ),
    Mutant(
        "notice_is_taken_off_the_date",
        DATE,
        "+ local_warnings.min_notice_days",
        "- local_warnings.min_notice_days",
        "The days of notice come after the sending day.",
        late_warning_gives_full_notice,
    ),
    Mutant(
        "promise_of_an_older_cycle_is_named",
        DATE,
        "and notices.cycle_started_at = local_warnings.cycle_started_at",
        "",
        "A promise ends with the cycle it was about.",
        promise_of_an_older_cycle_dates_no_warning,
    ),
    Mutant(
        "figures_of_the_queueing_day_are_sent",
        CLAIM,
        "mails.variables || claimed_mails.figures",
        "claimed_mails.figures || mails.variables",
        "Points and days are those of the sending day.",
        warning_counts_the_local_days_that_are_left,
    ),
    Mutant(
        "days_left_are_counted_to_the_due_date",
        CLAIM,
        "'days_remaining', notices.named_on - picked.local_day",
        "'days_remaining', notices.due_on - picked.local_day",
        "The days left end with the date that the mail names.",
        late_warning_gives_full_notice,
    ),
)
