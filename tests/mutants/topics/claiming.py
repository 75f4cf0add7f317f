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
SUPPRESS = "claim_mail/05_suppress_mails.sql"
CLAIM = "claim_mail/06_claim_mails.sql"


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


def mail_about_a_card_in_a_chunks_hands_is_passed_over(engine: Engine) -> None:
    in_hand, free = (expired(engine, card(engine), key=f"expired:{key}") for key in (1, 2))
    with engine.connect() as chunk:
        chunk.exec_driver_sql("select id from loyalty.loyalty_cards where id = 1 for update")
        assert claimed(engine).picked_ids == [free]
        chunk.rollback()
    assert status(engine, in_hand) == "queued"


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
    run(engine, "update loyalty.loyalty_programs set is_active = false")
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
        "mail_is_claimed_while_a_chunk_decides",
        PICK,
        "where free_cards.id = due_mails.card_id",
        "where true",
        "The chunk may just make untrue what the mail says.",
        mail_about_a_card_in_a_chunks_hands_is_passed_over,
    ),
    Mutant(
        "sender_waits_for_a_chunk",
        "migrations/0006_mailed_cards/01_create_function.sql",
        "for key share skip locked",
        "for key share nowait",
        "Mails about other cards go on meanwhile.",
        mail_about_a_card_in_a_chunks_hands_is_passed_over,
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
)
