"""Which mails a sender takes, what date a warning names, and whom no mail can reach."""

from __future__ import annotations

from sqlalchemy import Engine

from include.mail.outbox import claim, open_sender
from tests.mail.rows import card, expired, notice, run, status, warning
from tests.mutants.mutant import Mutant
from tests.mutants.post import claimed
from tests.mutants.scene import instant

PICK = "claim_mail/01_pick_mails.sql"
DATE = "claim_mail/02_date_warnings.sql"
SUPPRESS = "claim_mail/04_suppress_mails.sql"
CLAIM = "claim_mail/05_claim_mails.sql"


def deferred_mail_goes_when_its_time_has_come(engine: Engine) -> None:
    due = expired(
        engine, card(engine), status="deferred", next_attempt_at="2024-03-10T12:01:00+00:00"
    )
    assert claimed(engine, "2024-03-10T12:00:59+00:00").picked_ids == []
    assert claimed(engine, "2024-03-10T12:01:00+00:00").picked_ids == [due]


def mail_in_a_senders_hands_is_not_judged_by_another(engine: Engine) -> None:
    card_id = card(engine)
    mail_id = warning(engine, card_id)
    with open_sender(engine) as sender:
        assert len(claim(sender, sent_at=instant("2024-03-10 12:00")).mails) == 1
        run(engine, "update loyalty.loyalty_cards set points_balance = 0")
        assert claimed(engine).picked_ids == []
        assert status(engine, mail_id) == "sending"


def mail_whose_row_is_held_is_passed_over(engine: Engine) -> None:
    card_id = card(engine)
    held, free = expired(engine, card_id), expired(engine, card_id, key="expired:2")
    with engine.connect() as application:
        application.exec_driver_sql(
            f"select id from loyalty.email_logs where id = {held} for update"
        )
        assert claimed(engine).picked_ids == [free]
        application.rollback()


def batch_holds_fifty(engine: Engine) -> None:
    card_id = card(engine)
    for number in range(51):
        expired(engine, card_id, key=f"expired:{number}")
    assert len(claimed(engine).mails) == 50


def mails_of_the_application_are_left_alone(engine: Engine) -> None:
    card_id = card(engine)
    expired(engine, card_id, template_code="password_reset")
    expired(engine, card_id, key=None)
    assert claimed(engine).picked_ids == []


def excluded_mail_is_not_taken(engine: Engine) -> None:
    mail_id = expired(engine, card(engine))
    with open_sender(engine) as sender:
        sent_at = instant("2024-03-10 12:00")
        assert claim(sender, sent_at=sent_at, excluded_ids=[mail_id]).picked_ids == []


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


def customer_without_address_is_suppressed_and_the_gate_opens(engine: Engine) -> None:
    blank = warning(engine, card(engine, email=" "))
    erased = warning(engine, card(engine))
    run(engine, "update loyalty.customers set email_suppressed_at = now() where id = 2")
    assert claimed(engine).mails == []
    for mail_id in (blank, erased):
        assert status(engine, mail_id) == "suppressed"
        assert notice(engine, mail_id) == ("2024-03-24", None, "2024-03-10")


def superseded_warning_stays_superseded(engine: Engine) -> None:
    unreachable, reachable = (
        warning(engine, card(engine, email=None)),
        warning(engine, card(engine)),
    )
    run(engine, "update loyalty.loyalty_cards set points_balance = 0")
    assert claimed(engine).mails == []
    assert [status(engine, each) for each in (unreachable, reachable)] == ["superseded"] * 2
    assert notice(engine, unreachable)[2] is None


MUTANTS = (
    Mutant(
        "next_attempt_is_ignored",
        PICK,
        "or mails.next_attempt_at <= %(sent_at)s::timestamptz",
        "or true",
        "Retries are 60 seconds apart and growing.",
        deferred_mail_goes_when_its_time_has_come,
    ),
    Mutant(
        "retry_waits_beyond_its_time",
        PICK,
        "or mails.next_attempt_at <= %(sent_at)s::timestamptz",
        "or mails.next_attempt_at < %(sent_at)s::timestamptz",
        "A retry is due at its time.",
        deferred_mail_goes_when_its_time_has_come,
    ),
    Mutant(
        "deferred_mail_is_forgotten",
        PICK,
        "mails.status in ('queued', 'deferred')",
        "mails.status = 'queued'",
        "A mail that was put off is tried again.",
        deferred_mail_goes_when_its_time_has_come,
    ),
    Mutant(
        "mail_under_way_is_picked",
        PICK,
        "mails.status in ('queued', 'deferred')",
        "mails.status in ('queued', 'deferred', 'sending')",
        "A mail in one sender's hands is none of another's.",
        mail_in_a_senders_hands_is_not_judged_by_another,
    ),
    Mutant(
        "sender_waits_for_held_mails",
        PICK,
        "for update skip locked",
        "for update nowait",
        "Other senders and the application are passed over.",
        mail_whose_row_is_held_is_passed_over,
    ),
    Mutant(
        "batch_of_fifty_one",
        PICK,
        "limit 50",
        "limit 51",
        "At most 50 mails are in flight.",
        batch_holds_fifty,
    ),
    Mutant(
        "mails_of_other_templates_are_taken",
        PICK,
        "and mails.template_code = any(%(template_codes)s::text[])",
        "",
        "The application sends mails of its own through this table.",
        mails_of_the_application_are_left_alone,
    ),
    Mutant(
        "mails_without_occurrence_are_taken",
        PICK,
        "and mails.occurrence_key is not null",
        "",
        "The application sends mails of its own through this table.",
        mails_of_the_application_are_left_alone,
    ),
    Mutant(
        "excluded_mails_are_taken",
        PICK,
        "and mails.id <> all(%(excluded_ids)s::bigint[])",
        "",
        "A warning of unknown fate is not repeated to the server that just broke.",
        excluded_mail_is_not_taken,
    ),
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
        "blank_address_is_mailed",
        SUPPRESS,
        "coalesce(btrim(customers.email), '') = ''",
        "customers.email is null",
        "A blank address is none.",
        customer_without_address_is_suppressed_and_the_gate_opens,
    ),
    Mutant(
        "suppressed_customer_is_mailed",
        SUPPRESS,
        "or customers.email_suppressed_at is not null",
        "",
        "After a bounce, a complaint or an erasure nothing is sent.",
        customer_without_address_is_suppressed_and_the_gate_opens,
    ),
    Mutant(
        "suppression_opens_no_gate",
        SUPPRESS,
        "opened_on = coalesce(notices.opened_on, picked.local_day)",
        "opened_on = notices.opened_on",
        "Minimum notice cannot wait for an address that does not exist.",
        customer_without_address_is_suppressed_and_the_gate_opens,
    ),
    Mutant(
        "superseded_warning_is_suppressed",
        SUPPRESS,
        "and mails.status in ('queued', 'deferred')",
        "",
        "A warning that became untrue opens no gate.",
        superseded_warning_stays_superseded,
    ),
    Mutant(
        "superseded_warning_is_claimed",
        CLAIM,
        "and mails.status in ('queued', 'deferred')",
        "",
        "A warning that became untrue is not sent.",
        superseded_warning_stays_superseded,
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
