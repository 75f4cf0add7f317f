"""The forecast and the run agree, and what a run foresaw is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from include.clock import parse_instant
from include.database import SELECTION, run_stage, transaction
from include.forecasts import keep_forecast, keep_outlook
from tests.day import foreseen_day, run_day
from tests.factories import adjust, card, merchant, program
from tests.rows import execute, rows
from tests.waiting import wait_for_waiting

DAY = timedelta(days=1)
KEPT = """
    select card_id, points, cycle_started_at::text, expires_on::text
    from loyalty.expiration_forecast_cards where run_id = %(run_id)s order by card_id
"""


def forecast(engine):
    dates = rows(engine, "select card_id, expires_on from loyalty.expiration_forecast")
    return dict(dates)


def accept_mails(engine, run_id):
    """Stand in for the mail server: what the run queued is accepted on its local day."""
    execute(
        engine,
        """
        update loyalty.expiration_notices as notices
        set opened_on = run_programs.today,
            promised_on = (mails.variables ->> 'expiration_date')::date
        from loyalty.email_logs as mails
        inner join loyalty.loyalty_cards as cards on mails.card_id = cards.id
        inner join loyalty.expiration_run_programs as run_programs
            on cards.program_id = run_programs.program_id
        where mails.id = notices.email_log_id and mails.status = 'queued'
            and run_programs.run_id = %(run_id)s
        """,
        run_id=run_id,
    )
    execute(engine, "update loyalty.email_logs set status = 'sent' where status = 'queued'")


def play(engine, at, first, last):
    """Run every day at 02:00 UTC; return the local day on which each card lost its points."""
    taken = {}
    instant = datetime.fromisoformat(f"{first}T02:00:00+00:00")
    while instant.date() <= date.fromisoformat(last):
        at(instant.isoformat())
        run_id = run_day(engine, instant)
        accept_mails(engine, run_id)
        statement = """
            select expirations.card_id, run_programs.today
            from loyalty.expirations
            inner join loyalty.loyalty_cards as cards on expirations.card_id = cards.id
            inner join loyalty.expiration_run_programs as run_programs
                on run_programs.run_id = expirations.run_id
                and run_programs.program_id = cards.program_id
            where expirations.run_id = %(run_id)s
        """
        taken |= dict(rows(engine, statement, run_id=run_id))
        instant += DAY
    return taken


def test_stages_that_the_application_left_null_are_14_days(engine):
    """The gate opens 14 days before 1 March, and the notice of 20 days ends 6 days after it."""
    noticed = card(
        engine,
        program(engine, points_expiration_days=30, min_notice_days=20),
        last_activity_at="2026-01-30T12:00:00+00:00",
    )
    execute(
        engine,
        "alter table loyalty.loyalty_programs alter warning_days drop not null;"
        " update loyalty.loyalty_programs set warning_days = null",
    )
    assert forecast(engine) == {noticed: date(2026, 3, 8)}


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/New_York"])
def test_runs_take_each_card_on_the_day_that_the_forecast_names(engine, at, zone):
    # 30 days after 5 to 9 February lie 7 to 11 March 2026; New York skips an hour on the 8th.
    # Notice by itself: warned 14 days before, 7 days of notice end before the date, 20 after it.
    cards = []
    for notice in (0, 7, 20):
        home = program(
            engine, points_expiration_days=30, time_zone=zone, min_notice_days=notice,
            size_check_cards=None,
        )  # fmt: skip
        cards += [
            card(engine, home, last_activity_at=f"2026-02-0{day}T{hour}Z")
            for day in range(5, 10)
            for hour in ("04:59:59", "05:00", "10:59:59", "11:00", "23:59:59")
        ]
    foretold = forecast(engine)
    assert set(foretold) == set(cards)
    assert play(engine, at, "2026-02-20", "2026-03-19") == foretold


def test_a_kept_promise_and_an_expired_cycle_are_in_the_forecast_as_in_the_run(engine, at):
    home = program(engine, points_expiration_days=30, size_check_cards=None)
    promised, plain = (card(engine, home, last_activity_at="2026-02-05T12:00Z") for _ in "ab")
    again = card(engine, home, last_activity_at="2026-01-01T12:00Z")
    assert set(play(engine, at, "2026-02-21", "2026-02-21")) == {again}
    adjust(engine, again, 50, "2026-02-21T12:00Z")
    execute(
        engine,
        "update loyalty.expiration_notices set promised_on = '2026-03-10' where card_id = %(id)s",
        id=promised,
    )
    # Due on 7 March; one mail has promised the 10th.
    assert forecast(engine) == {plain: date(2026, 3, 8), promised: date(2026, 3, 11)}
    assert play(engine, at, "2026-02-22", "2026-03-14") == forecast_of(plain, promised)


def forecast_of(plain, promised):
    return {plain: date(2026, 3, 8), promised: date(2026, 3, 11)}


def test_a_gate_that_no_mail_opens_lets_nothing_go(engine, at):
    home = program(engine, points_expiration_days=30, min_notice_days=7)
    owed = card(engine, home, last_activity_at="2026-02-05T12:00Z")
    for day in (7, 8, 9):
        at(f"2026-03-0{day}T02:00:00+00:00")
        foreseen_day(engine, f"2026-03-0{day}T02:00:00+00:00")
    # Expected with the first stage, so on 8 March; nobody was told, so nothing went.
    assert forecast(engine) == {owed: date(2026, 3, 8)}
    assert rows(engine, "select * from loyalty.expirations") == []


def test_a_run_keeps_what_the_next_local_day_would_take(engine, at):
    days = {"points_expiration_days": 30, "warning_days": []}
    home = program(engine, **days)
    # 02:00 UTC is still the day before in New York: its next day is 8 March.
    away = program(engine, time_zone="America/New_York", **days)
    card(engine, home, last_activity_at="2026-02-05T12:00Z", points=1)  # gone with this run
    tomorrow = card(engine, home, last_activity_at="2026-02-06T12:00Z", points=20)
    card(engine, home, last_activity_at="2026-02-07T12:00Z", points=300)
    abroad = card(engine, away, last_activity_at="2026-02-05T12:00Z", points=4000)
    card(engine, away, last_activity_at="2026-02-06T12:00Z", points=50000)
    at("2026-03-08T02:00:00+00:00")
    run_id = foreseen_day(engine, "2026-03-08T02:00:00+00:00")
    kept = [
        (tomorrow, 20, "2026-02-06 12:00:00+00", "2026-03-09"),
        (abroad, 4000, "2026-02-05 12:00:00+00", "2026-03-08"),
    ]
    assert rows(engine, KEPT, run_id=run_id) == kept
    adjust(engine, tomorrow, 5, "2026-03-08T03:00Z")
    assert keep_forecast(engine, run_id) == {"cards_forecast": 2, "points_forecast": 4020}
    assert rows(engine, KEPT, run_id=run_id) == kept


def test_a_dry_run_an_open_run_and_a_day_that_is_past_keep_no_forecast(engine, at):
    home = program(engine, points_expiration_days=30)
    card(engine, home, last_activity_at="2026-02-06T12:00Z")
    at("2026-03-08T02:00:00+00:00")
    dry = foreseen_day(engine, "2026-03-08T02:00:00+00:00", dry_run=True)
    assert rows(engine, KEPT, run_id=dry) == []
    first = foreseen_day(engine, "2026-03-08T02:00:00+00:00", dag_run_id="again")
    assert len(rows(engine, KEPT, run_id=first)) == 1
    at("2026-03-09T02:00:00+00:00")
    foreseen_day(engine, "2026-03-09T02:00:00+00:00")
    # Its task is cleared after the next day was closed: that would foretell the past.
    execute(engine, "delete from loyalty.expiration_forecast_cards")
    card(engine, home, last_activity_at="2026-02-06T12:00Z")
    assert keep_forecast(engine, first)["cards_forecast"] == 0
    execute(engine, "update loyalty.expiration_runs set status = 'open', closed_at = null")
    assert keep_forecast(engine, first)["cards_forecast"] == 0


def test_a_later_run_for_another_merchant_takes_no_forecast_away(engine, at):
    home = program(engine, points_expiration_days=30)
    card(engine, home, last_activity_at="2026-02-06T12:00Z")
    other = merchant(engine)
    program(engine, merchant_id=other)
    at("2026-03-08T02:00:00+00:00")
    run_id = foreseen_day(engine, "2026-03-08T02:00:00+00:00")
    execute(engine, "delete from loyalty.expiration_forecast_cards")
    foreseen_day(engine, "2026-03-08T02:00:00+00:00", dag_run_id="other", merchant_ids=(other,))
    assert keep_forecast(engine, run_id)["cards_forecast"] == 1


def test_programs_with_absurd_settings_stop_neither_forecast_nor_run(engine, at):
    absurd = (
        {"points_expiration_days": 2_000_000_000},
        {"points_expiration_days": -5},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": ""},
        {"min_notice_days": 2_000_000_000},
        {"warning_days": [-32768, 32767]},
    )
    for settings in absurd:
        home = program(engine, **({"points_expiration_days": 30} | settings))
        card(engine, home, last_activity_at="2026-02-06T12:00Z")
    # A run takes a zone in any spelling of its letters, and so does the forecast.
    home = program(engine, points_expiration_days=30, time_zone="europe/luxembourg")
    good = card(engine, home, last_activity_at="2026-02-06T12:00Z")
    card(
        engine, program(engine, merchant_id=merchant(engine, is_active=False)),
        last_activity_at="2024-02-06T12:00Z",
    )  # fmt: skip
    foretold = forecast(engine)
    # Notice takes a hundred years at the most: 14 days before 8 March 2026, + 36,500 days.
    late, cut = sorted(foretold)[:2]
    assert foretold == {late: date(2126, 1, 30), cut: date(2026, 3, 9), good: date(2026, 3, 9)}
    at("2026-03-08T02:00:00+00:00")
    run_id = foreseen_day(engine, datetime(2026, 3, 8, 2, tzinfo=UTC))
    assert [row[0] for row in rows(engine, KEPT, run_id=run_id)] == [cut, good]


def outlook(engine):
    days = "select day_on::text, cards_total, points_total from loyalty.points_outlook_days"
    ages = "select age_days_min, cards_total, points_total from loyalty.points_outlook_ages"
    return (
        rows(engine, f"{days} order by program_id, day_on"),
        rows(engine, f"{ages} order by program_id, age_days_min"),
        rows(engine, "select run_id from loyalty.points_outlook"),
    )


def test_a_run_counts_what_all_cards_hold_and_will_lose(engine, at):
    home = program(engine, points_expiration_days=30, warning_days=[])
    card(engine, home, last_activity_at="2026-02-05T12:00Z", points=1)  # gone with this run
    for points, day in ((20, "06"), (300, "06"), (4_000, "07")):
        card(engine, home, last_activity_at=f"2026-02-{day}T12:00Z", points=points)
    card(engine, home, last_activity_at=None, points=50_000)
    forever = program(engine, points_expiration_days=None)
    card(engine, forever, last_activity_at="2025-02-07T12:00Z", points=600_000)
    at("2026-03-08T02:00:00+00:00")
    run_id = foreseen_day(engine, "2026-03-08T02:00:00+00:00")
    counted = (
        [("2026-03-09", 2, 320), ("2026-03-10", 1, 4_000)],
        [(0, 3, 4_320), (None, 1, 50_000), (366, 1, 600_000)],
        [(run_id,)],
    )
    assert outlook(engine) == counted


def test_an_outlook_is_counted_again_for_a_run_that_took_points_or_after_an_hour(engine, at):
    home = program(engine, points_expiration_days=30, warning_days=[])
    card(engine, home, last_activity_at="2026-02-06T12:00Z", points=20)
    late = card(engine, home, last_activity_at="2026-02-07T12:00Z", points=300)
    at("2026-03-08T02:00:00+00:00")
    first = foreseen_day(engine, "2026-03-08T02:00:00+00:00")
    _, _, counted_by = outlook(engine)
    assert counted_by == [(first,)]
    # A repeat that takes nothing leaves the count alone, as does a dry run.
    foreseen_day(engine, "2026-03-08T02:00:00+00:00")
    foreseen_day(engine, "2026-03-08T02:00:00+00:00", dag_run_id="dry", dry_run=True)
    assert outlook(engine)[2] == counted_by
    assert not keep_outlook(engine, first)
    # Two days made up within a minute: what the second took is gone from the count.
    at("2026-03-09T02:00:00+00:00")
    foreseen_day(engine, "2026-03-09T02:00:00+00:00")
    at("2026-03-09T02:00:30+00:00")
    adjust(engine, late, 7, "2026-03-09T02:00:10Z")
    quiet = foreseen_day(engine, "2026-03-09T02:00:30+00:00")
    days, _, counted_by = outlook(engine)
    assert (days, counted_by != [(quiet,)]) == ([("2026-03-10", 1, 300)], True)
    at("2026-03-09T03:00:01+00:00")
    assert keep_outlook(engine, quiet)
    assert outlook(engine)[0] == [("2026-03-10", 1, 307)]


def test_an_outlook_that_is_being_counted_is_waited_for(engine, at):
    home = program(engine, points_expiration_days=30, warning_days=[])
    card(engine, home, last_activity_at="2026-02-06T12:00Z", points=20)
    at("2026-03-08T02:00:00+00:00")
    run_id = foreseen_day(engine, "2026-03-08T02:00:00+00:00")
    execute(engine, "delete from loyalty.points_outlook")
    execute(engine, "delete from loyalty.points_outlook_days")
    binds = {"run_id": run_id, "now_at": parse_instant("2026-03-08T02:00:00+00:00", "now")}
    with ThreadPoolExecutor(1) as pool:
        with transaction(engine, SELECTION) as connection:
            assert run_stage(connection, "keep_outlook", binds)["is_due"]
            other = pool.submit(keep_outlook, engine, run_id)
            wait_for_waiting(engine)
        assert not other.result()
    assert outlook(engine)[0] == [("2026-03-09", 1, 20)]


def test_an_earlier_run_counts_no_outlook_any_more(engine, at):
    home = program(engine, points_expiration_days=30, warning_days=[])
    runs = []
    for day in ("06", "07"):
        card(engine, home, last_activity_at=f"2026-02-{day}T12:00Z")
    for day in (9, 10):
        at(f"2026-03-{day:02}T02:00:00+00:00")
        runs.append(foreseen_day(engine, f"2026-03-{day:02}T02:00:00+00:00"))
    at("2026-03-10T09:00:00+00:00")
    assert not keep_outlook(engine, runs[0])
    assert outlook(engine)[2] == [(runs[1],)]
    assert keep_outlook(engine, runs[1])
