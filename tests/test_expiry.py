"""What expires, when, and what an expiry writes."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from include.runs import read_report
from tests import factories
from tests.day import run_day
from tests.due import ACTIVE_AT, DAY_AFTER
from tests.rows import balance, execute, fingerprint, rows, skips


@pytest.mark.parametrize(
    ("time_zone", "last_activity_at", "as_of", "is_expired"),
    [
        # Luxembourg is UTC+1 in winter. 23:30 UTC of Dec 31 is Jan 1 there: due 2026-01-01, and
        # Jan 2 begins there at 23:00 UTC of Jan 1.
        ("Europe/Luxembourg", "2024-12-31T23:30:00Z", "2025-12-31T12:00:00Z", False),
        ("Europe/Luxembourg", "2024-12-31T23:30:00Z", "2026-01-01T22:59:59Z", False),
        ("Europe/Luxembourg", "2024-12-31T23:30:00Z", "2026-01-01T23:00:00Z", True),
        # New York is UTC-5 in winter. 03:00 UTC of Jan 2 is Jan 1 there: due 2026-01-01, and
        # Jan 2 begins there at 05:00 UTC of Jan 2.
        ("America/New_York", "2025-01-02T03:00:00Z", "2025-12-31T12:00:00Z", False),
        ("America/New_York", "2025-01-02T03:00:00Z", "2026-01-02T04:59:59Z", False),
        ("America/New_York", "2025-01-02T03:00:00Z", "2026-01-02T05:00:00Z", True),
        # Auckland is UTC+13 in January. 12:00 UTC of Dec 31 is Jan 1 there: due 2026-01-01, and
        # Jan 2 begins there at 11:00 UTC of Jan 1.
        ("Pacific/Auckland", "2024-12-31T12:00:00Z", "2025-12-31T10:00:00Z", False),
        ("Pacific/Auckland", "2024-12-31T12:00:00Z", "2026-01-01T10:59:59Z", False),
        ("Pacific/Auckland", "2024-12-31T12:00:00Z", "2026-01-01T11:00:00Z", True),
    ],
)
def test_points_go_on_the_local_day_after_due(
    engine, at, time_zone, last_activity_at, as_of, is_expired
):
    program = factories.program(engine, time_zone=time_zone)
    card = factories.card(engine, program, points=100, last_activity_at=last_activity_at)
    at(as_of.replace("Z", "+00:00"))
    run_day(engine, as_of.replace("Z", "+00:00"))
    assert balance(engine, card) == (0 if is_expired else 100)


@pytest.mark.parametrize(
    ("as_of", "is_expired"),
    [
        # The clocks go forward in Luxembourg on 2026-03-29: that local day has 23 hours.
        # 2026-03-28 + 1 day = due 2026-03-29; Mar 30 begins at 22:00 UTC (UTC+2 by then), which
        # is 47 hours after Mar 28 began at 23:00 UTC.
        ("2026-03-28T12:00:00+00:00", False),
        ("2026-03-29T21:59:59+00:00", False),
        ("2026-03-29T22:00:00+00:00", True),
    ],
)
def test_a_day_of_23_hours_is_one_day(engine, at, as_of, is_expired):
    program = factories.program(
        engine, time_zone="Europe/Luxembourg", points_expiration_days=1, warning_days=[]
    )
    card = factories.card(engine, program, last_activity_at="2026-03-27T23:00:00+00:00")
    at(as_of)
    run_day(engine, as_of)
    assert balance(engine, card) == (0 if is_expired else 100)


def test_expiry_writes_one_ledger_row_and_moves_nothing_else(engine, at):
    card = factories.card(engine, points=100, stamps=3, last_activity_at=ACTIVE_AT)
    factories.redeem(engine, card, 30, ACTIVE_AT)
    before = rows(
        engine,
        "select to_jsonb(cards) - '{points_balance,total_points_voided}'::text[]"
        " from loyalty.loyalty_cards as cards",
    )
    at("2026-01-02T02:00:05+00:00")
    run_id = run_day(engine, DAY_AFTER)
    # 100 earned - 30 redeemed = 70 expired; 0 left; 0 + 70 voided.
    assert rows(
        engine,
        "select card_id, store_id, transaction_type, points_delta, points_balance_after,"
        " stamps_delta, stamps_balance_after, notes, transaction_at"
        " from loyalty.loyalty_transactions where id = (select max(id)"
        " from loyalty.loyalty_transactions)",
    ) == [
        (
            card, None, "points_expired", -70, 0, 0, 3,
            "Points expired after 365 days of inactivity",
            datetime(2026, 1, 2, 2, 0, 5, tzinfo=UTC),
        )
    ]  # fmt: skip
    assert rows(
        engine,
        "select points_balance, total_points_voided, stamp_count, last_activity_at"
        " from loyalty.loyalty_cards",
    ) == [(0, 70, 3, datetime(2025, 1, 1, 12, tzinfo=UTC))]
    after = rows(
        engine,
        "select to_jsonb(cards) - '{points_balance,total_points_voided}'::text[]"
        " from loyalty.loyalty_cards as cards",
    )
    assert after == before
    assert rows(
        engine,
        "select expirations.card_id, due_on, points, expirations.run_id, reinstated_by,"
        " template_code, status, variables"
        " from loyalty.expirations join loyalty.email_logs"
        " on occurrence_key = 'expired:' || transaction_id",
    ) == [
        (
            card, date(2026, 1, 1), 70, run_id, None, "loyalty_points_expired", "queued",
            {"points": 70, "expiration_date": "2026-01-01", "inactivity_days": 365},
        )
    ]  # fmt: skip


def test_inactive_card_program_and_merchant_keep_their_points(engine, at):
    at(DAY_AFTER)
    cards = [
        factories.card(engine, is_active=False, last_activity_at=ACTIVE_AT),
        factories.card(engine, factories.program(engine, is_active=False)),
        factories.card(
            engine,
            factories.program(engine, merchant_id=factories.merchant(engine, is_active=False)),
        ),
        factories.card(engine, factories.program(engine, points_expiration_days=None)),
        factories.card(engine, factories.program(engine, points_expiration_days=0)),
    ]
    run_id = run_day(engine, DAY_AFTER)
    assert [balance(engine, card) for card in cards] == [100, 100, 100, 100, 100]
    assert [program["exempt_reason"] for program in read_report(engine, run_id)] == [
        None, "program_inactive", "merchant_inactive", "never_expires", "never_expires",
    ]  # fmt: skip


def test_card_without_activity_is_counted_and_kept(engine, at):
    at(DAY_AFTER)
    card = factories.card(engine, last_activity_at=None)
    run_id = run_day(engine, DAY_AFTER)
    assert balance(engine, card) == 100
    assert read_report(engine, run_id)[0]["cards_without_activity"] == 1


def test_activity_in_the_future_counts_as_activity(engine, at):
    at(DAY_AFTER)
    card = factories.card(engine, last_activity_at="2030-01-01T00:00:00+00:00")
    run_day(engine, DAY_AFTER)
    assert balance(engine, card) == 100


def test_unknown_time_zone_is_left_out_and_the_others_go_on(engine, at, caplog):
    at(DAY_AFTER)
    lost = factories.card(engine, factories.program(engine, time_zone="Europe/Luxemburg"))
    found = factories.card(engine, factories.program(engine, time_zone="Europe/Luxembourg"))
    run_id = run_day(engine, DAY_AFTER)
    assert (balance(engine, lost), balance(engine, found)) == (100, 0)
    assert [program["exempt_reason"] for program in read_report(engine, run_id)] == [
        "unknown_time_zone", None,
    ]  # fmt: skip
    assert "Europe/Luxemburg" in caplog.text


def test_run_for_one_merchant_leaves_the_others_alone(engine, at):
    at(DAY_AFTER)
    ours, theirs = factories.merchant(engine), factories.merchant(engine)
    our_card = factories.card(engine, factories.program(engine, merchant_id=ours))
    their_card = factories.card(engine, factories.program(engine, merchant_id=theirs))
    run_day(engine, DAY_AFTER, merchant_ids=(ours,))
    assert (balance(engine, our_card), balance(engine, their_card)) == (0, 100)


def test_dry_run_writes_nothing_to_cards_ledger_or_mail(engine, at):
    at(DAY_AFTER)
    expiring = factories.card(engine, last_activity_at=ACTIVE_AT)
    # 2025-01-10 + 365 = due 2026-01-10, 8 days ahead: within the stage of 14.
    warned = factories.card(engine, last_activity_at="2025-01-10T12:00:00+00:00")
    touched = ("loyalty_cards", "loyalty_transactions", "email_logs", "expirations")
    before = [row for row in fingerprint(engine) if row[0] in touched]
    run_id = run_day(engine, DAY_AFTER, dry_run=True)
    assert [row for row in fingerprint(engine) if row[0] in touched] == before
    assert skips(engine, run_id) == [
        ("expiry", expiring, "dry_run"), ("warning", warned, "dry_run"),
    ]  # fmt: skip
    assert rows(
        engine,
        "select expiry_cards_planned, expiry_points_planned, cards_expired, warning_cards_planned,"
        " warning_cards_queued from loyalty.expiration_runs",
    ) == [(1, 100, 0, 1, 0)]


def test_points_that_come_back_without_activity_stay_until_the_next_one(engine, at):
    at(DAY_AFTER)
    card = factories.card(engine, points=100, last_activity_at=ACTIVE_AT)
    run_day(engine, DAY_AFTER)
    ((transaction_id,),) = rows(engine, "select transaction_id from loyalty.expirations")
    factories.reinstate(engine, transaction_id, "2026-01-03T10:00:00+00:00")
    at("2026-06-01T02:00:00+00:00")
    run_day(engine, "2026-06-01T02:00:00+00:00")
    assert balance(engine, card) == 100
    # A new cycle begins on 2026-06-01: due 2027-06-01 is not reached, 20 days would be.
    execute(engine, "update loyalty.loyalty_programs set points_expiration_days = 20")
    factories.earn(engine, card, 5, "2026-06-01T03:00:00+00:00")
    at("2026-06-22T02:00:00+00:00")
    run_day(engine, "2026-06-22T02:00:00+00:00")
    # 2026-06-01 + 20 = due 2026-06-21; 100 + 5 = 105 go on the 22nd.
    assert rows(engine, "select points from loyalty.expirations order by transaction_id") == [
        (100,), (105,),
    ]  # fmt: skip
