from datetime import datetime

import pytest
from sqlalchemy import event

from include.errors import LoyaltyError
from include.mail.outbox import (
    Recovery,
    Result,
    claim,
    hand_over,
    open_sender,
    record,
    recover,
)
from tests.mail.rows import NOW, card, expired, insert, mail_row, notice, one, run, status, warning

SENT_AT = datetime.fromisoformat(NOW)


def die_with_mails_under_way(engine):
    with open_sender(engine) as sender:
        mails = claim(sender, sent_at=SENT_AT).mails
        hand_over(sender, {mail.id: f"<{mail.id}@shop.example>" for mail in mails}, SENT_AT)


def claim_once(engine, sent_at=NOW, **which):
    with open_sender(engine) as sender:
        return claim(sender, sent_at=datetime.fromisoformat(sent_at), **which)


def test_claim_holds_at_most_fifty_in_id_order(engine):
    card_id = card(engine)
    ids = [expired(engine, card_id, key=f"expired:{number}") for number in range(60)]
    with open_sender(engine) as sender:
        first = claim(sender, sent_at=SENT_AT)
        second = claim(sender, sent_at=SENT_AT)
    assert [mail.id for mail in first.mails] == ids[:50]
    assert [mail.id for mail in second.mails] == ids[50:]


def test_two_senders_never_hold_the_same_mail(engine):
    card_id = card(engine)
    for number in range(60):
        expired(engine, card_id, key=f"expired:{number}")
    with open_sender(engine) as one_sender, open_sender(engine) as other:
        first = claim(one_sender, sent_at=SENT_AT).picked_ids
        second = claim(other, sent_at=SENT_AT).picked_ids
    assert one_sender.id != other.id
    assert (len(first), len(second), set(first) & set(second)) == (50, 10, set())


def test_deferred_mail_waits_for_its_time(engine):
    mail_id = expired(
        engine, card(engine), status="deferred", next_attempt_at="2024-03-10T12:01:00+00:00"
    )
    assert claim_once(engine).mails == []
    assert claim_once(engine, "2024-03-10T12:01:00+00:00").picked_ids == [mail_id]


@pytest.mark.parametrize(
    "change",
    [
        "update loyalty.loyalty_cards set last_activity_at = '2024-03-09T08:00:00+00:00'",
        "update loyalty.loyalty_cards set points_balance = 0",
        "update loyalty.loyalty_cards set is_active = false",
        "update loyalty.loyalty_programs set is_active = false",
        "update loyalty.merchants set is_active = false",
        "update loyalty.loyalty_programs set points_expiration_days = null",
    ],
)
def test_warning_that_became_untrue_is_superseded(engine, change):
    card_id = card(engine)
    mail_id, other_id = warning(engine, card_id), expired(engine, card_id)
    run(engine, change)
    claimed = claim_once(engine)
    assert claimed.superseded == 1
    assert [mail.id for mail in claimed.mails] == [other_id]
    assert status(engine, mail_id) == "superseded"
    assert notice(engine, mail_id)[1:] == (None, None)


def test_only_the_latest_of_two_stages_goes(engine):
    card_id = card(engine)
    early, late = warning(engine, card_id), warning(engine, card_id, stage_days=3)
    assert [mail.id for mail in claim_once(engine).mails] == [late]
    assert status(engine, early) == "superseded"


@pytest.mark.parametrize(
    ("time_zone", "sent_at", "days_left"),
    [
        # 24 March is the last day: it ends in Auckland (UTC+13) at 11:00 UTC on the same day,
        # in Honolulu (UTC-10) at 10:00 UTC on the 25th.
        ("Pacific/Auckland", "2024-03-23T10:59:59+00:00", 1),
        ("Pacific/Auckland", "2024-03-24T10:59:59+00:00", 0),
        ("Pacific/Auckland", "2024-03-24T11:00:00+00:00", None),
        ("Pacific/Honolulu", "2024-03-25T09:59:59+00:00", 0),
        ("Pacific/Honolulu", "2024-03-25T10:00:00+00:00", None),
        ("UTC", "2024-03-24T23:59:59+00:00", 0),
        ("UTC", "2024-03-25T00:00:00+00:00", None),
        ("Mars/Olympus", "2024-03-24T23:59:59+00:00", 0),
    ],
)
def test_last_day_is_the_programs_local_day(engine, time_zone, sent_at, days_left):
    # The cycle starts at 10:00 UTC: on 25 March in each of these zones.
    mail_id = warning(engine, card(engine, time_zone=time_zone))
    run(engine, "update loyalty.loyalty_cards set last_activity_at = '2023-03-25T10:00:00+00:00'")
    run(
        engine,
        "update loyalty.expiration_notices set cycle_started_at = '2023-03-25T10:00:00+00:00'",
    )
    claimed = claim_once(engine, sent_at)
    assert [mail.variables["days_remaining"] for mail in claimed.mails] == (
        [] if days_left is None else [days_left]
    )
    assert status(engine, mail_id) == ("superseded" if days_left is None else "sending")


def test_late_warning_names_a_date_with_full_notice(engine):
    # Sent on 20 March with 14 days of notice: 3 April, later than 24 March.
    mail_id = warning(engine, card(engine, min_notice_days=14))
    (mail,) = claim_once(engine, "2024-03-20T12:00:00+00:00").mails
    assert mail.variables["expiration_date"] == "2024-04-03"
    assert mail.variables["days_remaining"] == 14
    assert notice(engine, mail_id) == ("2024-04-03", None, None)


def test_second_warning_keeps_the_first_ones_gate_and_promise(engine):
    # The gate opened on 12 March: 14 days of notice end on the 26th; 28 March was promised.
    card_id = card(engine, min_notice_days=14)
    first = warning(engine, card_id, status="sent")
    set_dates = "update loyalty.expiration_notices set opened_on = '2024-03-12', promised_on = "
    second = warning(engine, card_id, stage_days=3)
    which = " where email_log_id = :first"
    run(engine, set_dates + "'2024-03-24'" + which, first=first)
    (mail,) = claim_once(engine, "2024-03-21T12:00:00+00:00").mails
    assert (mail.id, mail.variables["expiration_date"]) == (second, "2024-03-26")
    run(engine, "update loyalty.email_logs set status = 'queued' where id = :id", id=second)
    run(engine, set_dates + "'2024-03-28'" + which, first=first)
    (mail,) = claim_once(engine, "2024-03-21T12:00:00+00:00").mails
    assert mail.variables["expiration_date"] == "2024-03-28"


def test_kinder_settings_move_the_date_and_stricter_ones_do_not(engine):
    warning(engine, card(engine))
    for days, expected in ((400, "2024-04-28"), (300, "2024-03-24")):
        run(engine, "update loyalty.loyalty_programs set points_expiration_days = :n", n=days)
        run(engine, "update loyalty.email_logs set status = 'queued'")
        (mail,) = claim_once(engine).mails
        # 25 March 2023 + 400 days is 28 April 2024; with 300 the queued due_on stands.
        assert mail.variables["expiration_date"] == expected


def test_warning_carries_the_balance_of_the_sending_day(engine):
    warning(engine, card(engine), variables='{"points": 7}')
    (mail,) = claim_once(engine).mails
    assert mail.variables["points"] == 1200


@pytest.mark.parametrize("points", [5, -1200])
def test_warning_whose_card_is_used_while_it_is_claimed_is_not_sent(engine, points):
    card_id = card(engine, points=1200)
    mail_id = warning(engine, card_id)
    used = "update loyalty.loyalty_cards set points_balance = points_balance + :points"
    moved = ", last_activity_at = '2024-03-10T11:59:59Z'" if points > 0 else ""

    uses = iter([used + moved])

    def use_the_card(conn, cursor, statement, *rest):
        if statement.startswith("-- Claims what is left"):
            for use in uses:
                run(engine, use, points=points)

    event.listen(engine, "before_cursor_execute", use_the_card)
    assert claim_once(engine).mails == []
    assert status(engine, mail_id) == "queued"
    assert claim_once(engine).superseded == 1


@pytest.mark.parametrize("address", [None, "", "  "])
def test_customer_without_address_is_suppressed(engine, address):
    mail_id = warning(engine, card(engine, email=address))
    assert claim_once(engine).suppressed == 1
    assert status(engine, mail_id) == "suppressed"
    assert notice(engine, mail_id) == ("2024-03-24", None, "2024-03-10")


def test_living_senders_mails_are_not_taken(engine):
    mail_id = expired(engine, card(engine))
    with open_sender(engine) as sender:
        claim(sender, sent_at=SENT_AT)
        hand_over(sender, {mail_id: "<a@shop.example>"}, SENT_AT)
        assert recover(engine, SENT_AT) == Recovery(0, 0, 0)
        assert status(engine, mail_id) == "sending"
    assert recover(engine, SENT_AT) == Recovery(0, 0, 1)


def test_dead_senders_unsent_mails_return_as_they_were(engine):
    card_id = card(engine)
    mail = {"attempts": 2, "error_message": "450 busy", "status": "deferred"}
    warned, other = warning(engine, card_id, **mail), expired(engine, card_id, **mail)
    claim_once(engine)
    assert recover(engine, SENT_AT) == Recovery(unsent=2, sent_again=0, ambiguous=0)
    for row in (mail_row(engine, warned), mail_row(engine, other)):
        assert (row.status, row.attempts, row.error_message) == ("queued", 2, "450 busy")
        assert (row.sender_id, row.ambiguous_times, row.message_id) == (None, 0, None)
    assert notice(engine, warned)[1:] == (None, None)


def test_only_what_a_sender_holds_is_handed_over_and_only_once(engine):
    card_id = card(engine)
    mine, theirs = (expired(engine, card_id, key=f"expired:{number}") for number in (1, 2))
    with open_sender(engine) as holder, open_sender(engine) as stranger:
        claim(holder, sent_at=SENT_AT, named_ids=[mine])
        claim(stranger, sent_at=SENT_AT, named_ids=[theirs])
        message_ids = {mine: "<a@shop.example>", theirs: "<b@shop.example>"}
        assert hand_over(holder, message_ids, SENT_AT) == {mine}
        assert hand_over(holder, message_ids, SENT_AT) == set()
    assert mail_row(engine, mine).message_id == "<a@shop.example>"
    assert mail_row(engine, theirs).message_id is None


def test_dead_senders_warning_goes_once_more_and_then_waits(engine):
    card_id = card(engine)
    warned, other = warning(engine, card_id), expired(engine, card_id)
    die_with_mails_under_way(engine)
    assert recover(engine, SENT_AT) == Recovery(unsent=0, sent_again=1, ambiguous=1)
    assert (status(engine, warned), status(engine, other)) == ("queued", "ambiguous")
    assert notice(engine, warned) == ("2024-03-24", "2024-03-24", None)
    die_with_mails_under_way(engine)
    assert recover(engine, SENT_AT) == Recovery(0, 0, 1)
    row = mail_row(engine, warned)
    assert (row.status, row.ambiguous_times, row.sender_id) == ("ambiguous", 2, None)
    assert notice(engine, warned)[2] == "2024-03-10"
    assert recover(engine, SENT_AT) == Recovery(0, 0, 0)


def test_only_the_holder_records(engine):
    mail_id = expired(engine, card(engine))
    with open_sender(engine) as holder, open_sender(engine) as stranger:
        claim(holder, sent_at=SENT_AT)
        record(stranger, [Result(mail_id, "sent")], SENT_AT)
        assert status(engine, mail_id) == "sending"
        assert record(holder, [Result(mail_id, "sent")], SENT_AT)["mails_sent"] == 1
        assert record(holder, [Result(mail_id, "permanent")], SENT_AT)["mails_failed"] == 0
    assert status(engine, mail_id) == "sent"


def test_released_mail_returns_unchanged(engine):
    mail_id = expired(engine, card(engine), attempts=2, error_message="450 busy")
    with open_sender(engine) as sender:
        claim(sender, sent_at=SENT_AT)
        record(sender, [Result(mail_id, "released")], SENT_AT)
    row = mail_row(engine, mail_id)
    assert (row.status, row.attempts, row.error_message) == ("queued", 2, "450 busy")


def test_sender_that_lost_its_lock_claims_nothing(engine):
    mail_id = expired(engine, card(engine))
    with open_sender(engine) as sender:
        sender.lock_session.exec_driver_sql("select pg_advisory_unlock_all()")
        with pytest.raises(LoyaltyError, match="lost its lock"):
            claim(sender, sent_at=SENT_AT)
    assert status(engine, mail_id) == "queued"


def own_advisory_locks(engine):
    return one(
        engine,
        "select count(*) from pg_locks join pg_database on pg_database.oid = database"
        " where locktype = 'advisory' and datname = current_database()",
    )


def test_closed_sender_leaves_no_lock_in_the_pool(engine):
    with open_sender(engine):
        assert own_advisory_locks(engine) == 1
    assert own_advisory_locks(engine) == 0


def test_mail_without_a_customer_is_suppressed(engine):
    mail_id = insert(
        engine,
        "email_logs",
        template_code="loyalty_points_expired",
        language="en",
        occurrence_key="expired:9",
    )
    assert claim_once(engine).suppressed == 1
    assert status(engine, mail_id) == "suppressed"


def test_mail_tells_neither_name_nor_address_when_printed(engine):
    expired(engine, card(engine))
    (mail,) = claim_once(engine).mails
    assert mail.email == "anna.muster@home.example"
    assert "nna" not in repr(mail)
