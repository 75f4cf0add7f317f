"""Runs for an instant that has not come, and a clock ahead of the database's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from tests.faults.shop import Shop, Twin
from tests.faults.whole_day import RunOnly
from tests.rows import fingerprint, rows

FAR_AHEAD = datetime(2035, 7, 2, 2, tzinfo=UTC)


def database_clock(engine: Engine) -> datetime:
    return rows(engine, "select clock_timestamp()")[0][0]


@pytest.mark.parametrize("ahead", [timedelta(minutes=6), FAR_AHEAD])
def test_day_that_has_not_come_is_refused_and_nothing_changes(
    twin: Twin, shop: Shop, ahead: datetime | timedelta
) -> None:
    before = fingerprint(shop.engine)
    as_of = shop.now + ahead if isinstance(ahead, timedelta) else ahead
    with shop.task(RunOnly(as_of, "typo")) as task:
        error = str(task.ended().error)
    assert error.startswith(f"InvalidInstantError: as_of is {as_of.isoformat()}, but it is only")
    assert "nothing was done" in error
    assert fingerprint(shop.engine) == before
    shop.run(shop.day())
    assert shop.faults(twin.books) == []


def test_clock_ahead_of_the_databases_is_refused_and_nothing_changes(
    twin: Twin, shop: Shop
) -> None:
    before = fingerprint(shop.engine)
    tomorrow = shop.at(database_clock(shop.engine) + timedelta(days=1))
    with tomorrow.task(tomorrow.day()) as task:
        error = str(task.ended().error)
    assert error.startswith("InvalidInstantError: LOYALTY_NOW is")
    assert "later than the database's clock" in error
    assert fingerprint(shop.engine) == before
    shop.run(shop.day())
    assert shop.faults(twin.books) == []
