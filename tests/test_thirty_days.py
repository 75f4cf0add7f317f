"""The oracle: thirty days recomputed from the raw purchase file, without the source's code."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import text

from include.replay import replay as replays
from tests.day import run_day

TODAY = date(2026, 11, 23)
DAYS = 30
ONE_DAY = timedelta(days=1)
NOTICE_DAYS = 14
LAST_RAW_DAY = date(1998, 6, 30)


def raw_purchases() -> dict[int, list[tuple[date, int]]]:
    """Customer -> (shifted day, points), in the file's order; 1 point per whole dollar."""
    origin = find_spec("lifetimes").origin
    lines = (Path(origin).parent / "datasets" / "CDNOW_master.txt").read_text().splitlines()[1:]
    # Whole weeks, so that the last day falls on the latest date not after yesterday.
    weeks = (TODAY - ONE_DAY - LAST_RAW_DAY).days // 7
    purchases = defaultdict(list)
    for line in lines:
        customer, day, _, dollars = line.split()
        on = datetime.strptime(day, "%Y%m%d").date() + timedelta(weeks=weeks)
        purchases[int(customer)].append((on, int(dollars.partition(".")[0])))
    return purchases


def run_instants() -> list[datetime]:
    last = datetime(TODAY.year, TODAY.month, TODAY.day, 2, tzinfo=UTC)
    return [last - ONE_DAY * back for back in reversed(range(DAYS))]


def first_run_on_or_after(day: date, zone: ZoneInfo) -> datetime:
    """The first 02:00 UTC whose local date in the zone is `day` or later."""
    instant = datetime(day.year, day.month, day.day, 2, tzinfo=UTC) - 2 * ONE_DAY
    while instant.astimezone(zone).date() < day:
        instant += ONE_DAY
    return instant


def expected_of_card(facts, settings, runs):
    """Yield ("warning" | "expiry", run instant, points) of one card within `runs`."""
    days, zone, takes_part = settings
    if not takes_part:
        return
    balance = 0
    for (at, delta), (until, _) in zip(facts, [*facts[1:], (None, 0)], strict=True):
        balance += delta
        if balance == 0:
            continue
        due_on = at.astimezone(zone).date() + timedelta(days=days)
        warned_at = max(first_run_on_or_after(due_on - NOTICE_DAYS * ONE_DAY, zone), runs[0])
        if (
            runs[0] <= warned_at <= runs[-1]
            and warned_at.astimezone(zone).date() <= due_on
            and at <= warned_at
            and (until is None or warned_at < until)
        ):
            yield "warning", warned_at, balance
        expired_at = first_run_on_or_after(due_on + ONE_DAY, zone)
        if until is None or expired_at < until:
            if runs[0] <= expired_at <= runs[-1]:
                yield "expiry", expired_at, balance
            balance = 0


def card_facts(engine):
    """What happened on each card when: the replay's instants and redemptions, checked below."""
    query = text(
        "select card_id, transaction_type, points_delta, transaction_at"
        " from loyalty.loyalty_transactions"
        " where transaction_type in ('points_earned', 'points_redeemed') order by id"
    )
    facts = defaultdict(list)
    with engine.connect() as connection:
        for row in connection.execute(query):
            facts[row.card_id].append(row)
    return facts


def card_settings(engine):
    query = text(
        "select c.id, c.customer_id, p.points_expiration_days as days, p.time_zone,"
        " p.is_active and m.is_active and coalesce(p.points_expiration_days, 0) > 0 as takes_part"
        " from loyalty.loyalty_cards c join loyalty.loyalty_programs p on p.id = c.program_id"
        " join loyalty.merchants m on m.id = c.merchant_id"
    )
    with engine.connect() as connection:
        return {
            row.id: (row.customer_id, (row.days, ZoneInfo(row.time_zone), row.takes_part))
            for row in connection.execute(query)
        }


def done_by_the_pipeline(engine):
    query = text(
        "select 'warning' as kind, w.card_id, r.as_of, w.points"
        " from loyalty.expiration_warnings w join loyalty.expiration_runs r on r.id = w.run_id"
        " union all select 'expiry', e.card_id, r.as_of, e.points"
        " from loyalty.expirations e join loyalty.expiration_runs r on r.id = e.run_id"
    )
    with engine.connect() as connection:
        return {
            (row.kind, row.card_id, row.as_of.astimezone(UTC), row.points)
            for row in connection.execute(query)
        }


def test_thirty_days_equal_the_raw_file_card_by_card(engine, at):
    runs = run_instants()
    replay = replays.build(TODAY)
    with closing(engine.raw_connection()) as connection:
        replays.load_history(connection.driver_connection, replay, runs[0] - ONE_DAY)
        connection.commit()
        for as_of in runs:
            replays.post(connection.driver_connection, replay, as_of - ONE_DAY, as_of)
            connection.commit()
            at(as_of.isoformat())
            run_day(engine, as_of, dag_run_id=as_of.isoformat())

    purchases, facts, settings = raw_purchases(), card_facts(engine), card_settings(engine)
    expected = set()
    for card_id, (customer_id, rules) in settings.items():
        zone = rules[1]
        earned = [row for row in facts[card_id] if row.transaction_type == "points_earned"]
        posted = [(row.transaction_at.astimezone(zone).date(), row.points_delta) for row in earned]
        # The replay posted this card's purchases as the file has them, day and points.
        raw = sorted(purchases[customer_id])
        assert sorted(posted) == raw[: len(posted)] or set(posted) <= set(raw)
        moves = [(row.transaction_at, row.points_delta) for row in facts[card_id]]
        for kind, when, points in expected_of_card(moves, rules, runs):
            expected.add((kind, card_id, when, points))

    kinds = [kind for kind, *_ in expected]
    assert kinds.count("warning") > 500
    assert kinds.count("expiry") > 300
    assert done_by_the_pipeline(engine) == expected
