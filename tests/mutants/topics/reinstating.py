"""Points that come back: late activity within the days that counted, once, by a row of its own."""

from __future__ import annotations

from sqlalchemy import Engine

from include.cohorts import carry_out
from include.reconcile import violations
from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.scene import answer, change, day, selected
from tests.rows import balance, rows

FIND = "select_late_activity/01_plan_reinstatements.sql"
POST = "reinstate_points/01_post_reinstatements.sql"
MARK = "reinstate_points/02_mark_expirations.sql"
CREDIT = "reinstate_points/03_credit_balances.sql"

# 1 March 2025 + 365 days: the points can be used until the end of 1 March 2026, local time.
ACTIVE_AT = "2025-03-01T12:00Z"
EXPIRED = "2026-03-02 06:00"
NEXT_DAY = "2026-03-03 06:00"


def expired_card(engine: Engine, time_zone: str = "UTC", **columns: object) -> int:
    """A card whose 100 points expired on 2 March 2026."""
    program = factories.program(engine, time_zone=time_zone, **columns)
    card = factories.card(engine, program, points=100, last_activity_at=ACTIVE_AT)
    day(engine, EXPIRED)
    assert balance(engine, card) == 0
    return card


def planned_back(engine: Engine, now: str = NEXT_DAY) -> list[tuple[int]]:
    run_id = selected(engine, now, "reinstatement")
    statement = "select card_id from loyalty.reinstatement_members where run_id = %(id)s"
    return rows(engine, statement, id=run_id)


def last_local_second_comes_back(engine: Engine) -> None:
    # New York is five hours behind UTC: the last second of 1 March is 04:59:59 of the 2nd.
    card = expired_card(engine, "America/New_York")
    factories.earn(engine, card, 5, "2026-03-02T04:59:59Z")
    day(engine, NEXT_DAY)
    assert balance(engine, card) == 105
    assert violations(engine, None) == []


def activity_after_the_window_brings_nothing_back(engine: Engine) -> None:
    # Luxembourg is an hour ahead of UTC: 2 March begins at 23:00 of the 1st.
    card = expired_card(engine, "Europe/Luxembourg")
    factories.earn(engine, card, 5, "2026-03-01T23:00:00Z")
    assert planned_back(engine) == []


def what_is_no_activity_brings_nothing_back(engine: Engine) -> None:
    card = expired_card(engine)
    factories.adjust(engine, card, 5, "2026-02-20T10:00Z")
    factories.earn(engine, card, 5, "2026-03-02T12:00Z")
    assert planned_back(engine) == []


def promised_date_widens_the_window(engine: Engine) -> None:
    card = factories.card(engine, points=100, last_activity_at=ACTIVE_AT)
    day(engine, "2026-02-20")
    answer(engine, "2026-02-20", promised_on="2026-03-10")
    day(engine, "2026-03-11")
    factories.earn(engine, card, 5, "2026-03-10T23:59:59Z")
    day(engine, "2026-03-12")
    assert balance(engine, card) == 105


def zone_of_the_expiring_run_decides(engine: Engine) -> None:
    # By 04:00 UTC of 2 March it was 1 March in New York, where the points expired.
    card = expired_card(engine, "America/New_York")
    factories.earn(engine, card, 5, "2026-03-02T04:00:00Z")
    change(engine, "loyalty_programs", time_zone="Europe/Luxembourg")
    assert planned_back(engine) == [(card,)]


def points_come_back_once_by_a_row_of_their_own(engine: Engine) -> None:
    card = expired_card(engine)
    factories.earn(engine, card, 5, "2026-02-20T10:00Z")
    day(engine, NEXT_DAY)
    factories.earn(engine, card, 7, "2026-02-21T10:00Z")
    day(engine, NEXT_DAY)
    state = """
        select points_balance, total_points_voided, last_activity_at::text
        from loyalty.loyalty_cards
    """
    assert rows(engine, state) == [(112, 0, "2026-02-21 10:00:00+00")]
    ledger = """
        select points_delta, points_balance_after, ledger.id = reinstated_by
        from loyalty.loyalty_transactions as ledger
        join loyalty.expirations on expirations.card_id = ledger.card_id
        where transaction_type = 'points_reinstated'
    """
    assert rows(engine, ledger) == [(100, 105, True)]
    assert rows(engine, "select count(*) from loyalty.email_logs where variables = '{}'") == [(0,)]
    told = "select count(*) from loyalty.email_logs where template_code like '%%reinstated'"
    assert rows(engine, told) == [(0,)]
    assert planned_back(engine) == []
    assert violations(engine, None) == []


def two_runs_at_once_give_back_once(engine: Engine) -> None:
    card = expired_card(engine)
    factories.earn(engine, card, 5, "2026-02-20T10:00Z")
    first, second = (selected(engine, NEXT_DAY, "reinstatement") for _ in range(2))
    for run_id in (first, second):
        carry_out(engine, run_id, "reinstatement")
    assert balance(engine, card) == 105
    reasons = "select run_id, reason from loyalty.reinstatement_skips"
    assert rows(engine, reasons) == [(second, "already_reinstated")]


def inactive_card_waits(engine: Engine) -> None:
    card = expired_card(engine)
    factories.earn(engine, card, 5, "2026-02-20T10:00Z")
    run_id = selected(engine, NEXT_DAY, "reinstatement")
    change(engine, "loyalty_cards", is_active=False)
    carry_out(engine, run_id, "reinstatement")
    assert balance(engine, card) == 5
    reasons = "select reason from loyalty.reinstatement_skips"
    assert rows(engine, reasons) == [("deactivated",)]


def mail_goes_only_where_the_program_wants_it(engine: Engine) -> None:
    card = expired_card(engine, mail_reinstatements=True)
    factories.earn(engine, card, 5, "2026-02-20T10:00Z")
    day(engine, NEXT_DAY)
    told = "select variables from loyalty.email_logs where template_code like '%%reinstated'"
    assert rows(engine, told) == [({"points": 100},)]


MUTANTS = (
    Mutant(
        "activity_at_the_cycles_start_is_late",
        FIND,
        "and ledger.transaction_at > ended_cycles.cycle_started_at",
        "and ledger.transaction_at >= ended_cycles.cycle_started_at",
        "The activity that began the cycle is in it, and every cycle has one.",
        activity_after_the_window_brings_nothing_back,
    ),
    Mutant(
        "activity_of_the_last_day_is_too_late",
        FIND,
        "            <= ended_cycles.usable_until\n",
        "            < ended_cycles.usable_until\n",
        "Activity at any moment of the last local day saves the points.",
        last_local_second_comes_back,
    ),
    Mutant(
        "activity_after_the_window_is_accepted",
        FIND,
        "            <= ended_cycles.usable_until\n",
        "            <= ended_cycles.usable_until + 1\n",
        "Who came too late has lost the points.",
        activity_after_the_window_brings_nothing_back,
    ),
    Mutant(
        "late_activity_is_dated_in_utc",
        FIND,
        "(ledger.transaction_at at time zone ended_cycles.time_zone)::date",
        "(ledger.transaction_at at time zone 'UTC')::date",
        "The last day is a local day.",
        last_local_second_comes_back,
    ),
    Mutant(
        "zone_of_today_dates_late_activity",
        FIND,
        "        expiring_programs.time_zone\n",
        "        run_programs.time_zone\n",
        "The points expired by the zone of their run.",
        zone_of_the_expiring_run_decides,
    ),
    Mutant(
        "promised_window_is_forgotten",
        FIND,
        "coalesce(expirations.usable_until, expirations.due_on) as usable_until",
        "expirations.due_on as usable_until",
        "A date that was promised is kept, for late activity too.",
        promised_date_widens_the_window,
    ),
    Mutant(
        "adjustment_counts_as_activity",
        FIND,
        "'card_created', 'welcome_bonus', 'points_earned'",
        "'points_adjusted', 'welcome_bonus', 'points_earned'",
        "Expiry, adjustment and reinstatement are not activity.",
        what_is_no_activity_brings_nothing_back,
    ),
    Mutant(
        "points_given_back_are_planned_again",
        FIND,
        "expirations.reinstated_by is null\n        and ",
        "",
        "An expiry is given back once.",
        points_come_back_once_by_a_row_of_their_own,
    ),
    Mutant(
        "reinstated_twice",
        POST,
        "and expirations.reinstated_by is null",
        "",
        "An expiry is given back once, also by two runs at the same time.",
        two_runs_at_once_give_back_once,
    ),
    Mutant(
        "inactive_card_gets_points_back",
        POST,
        "and cards.is_active",
        "",
        "Inactive cards are never touched.",
        inactive_card_waits,
    ),
    Mutant(
        "expiry_is_not_marked_as_given_back",
        MARK,
        "and expirations.transaction_id = reinstatements.expiration_id",
        "and expirations.transaction_id = reinstatements.transaction_id",
        "Whoever looks at the expiry must see that it was undone.",
        points_come_back_once_by_a_row_of_their_own,
    ),
    Mutant(
        "reinstatement_moves_the_activity",
        CREDIT,
        "    points_balance = cards",
        "    last_activity_at = clock_timestamp(),\n    points_balance = cards",
        "Giving back is no activity.",
        points_come_back_once_by_a_row_of_their_own,
    ),
    Mutant(
        "reinstated_points_stay_voided",
        CREDIT,
        "total_points_voided = cards.total_points_voided - credits.points_credited",
        "total_points_voided = cards.total_points_voided",
        "The voided total is net of what came back.",
        points_come_back_once_by_a_row_of_their_own,
    ),
    Mutant(
        "every_reinstatement_is_mailed",
        "reinstate_points/04_queue_mails.sql",
        "    and programs.mail_reinstatements\n",
        "",
        "A program says whether it wants that mail.",
        points_come_back_once_by_a_row_of_their_own,
    ),
    Mutant(
        "no_reinstatement_is_mailed",
        "reinstate_points/04_queue_mails.sql",
        "and programs.mail_reinstatements",
        "and not programs.mail_reinstatements",
        "A program says whether it wants that mail.",
        mail_goes_only_where_the_program_wants_it,
    ),
)
