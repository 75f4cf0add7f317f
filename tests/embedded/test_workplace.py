"""From which day on Airflow makes up what it missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from include.embedded import state, workplace
from include.settings import state_dir


@pytest.fixture(autouse=True)
def _state() -> None:
    state_dir().mkdir(parents=True)


def test_start_date_is_yesterday_until_airflow_is_scheduled() -> None:
    before = datetime.now(UTC).date()
    found = workplace.start_date(is_kept=False)
    assert found in {
        (day - timedelta(days=1)).isoformat() for day in (before, datetime.now(UTC).date())
    }
    assert not list(state_dir().iterdir())


def test_start_date_stays_from_the_first_schedule_on() -> None:
    kept = workplace.start_date(is_kept=True)
    note = state_dir() / "start-date.json"
    assert state.read(note) == {"start_date": kept}
    state.write(note, {"start_date": "2026-01-01"})
    for is_kept in (True, False):
        assert workplace.start_date(is_kept=is_kept) == "2026-01-01"
