"""Ten missed days made up forwards, backwards, five at once, and by the last one alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import URL, Engine

from include.database import connect
from include.mail.seeding import seed_templates
from include.reconcile import violations
from tests.databases import new_database
from tests.faults.books import SHARED, Books, books, differences
from tests.faults.whole_day import WholeDay
from tests.mail.scripted_server import scripted_server
from tests.rows import rows
from tests.scheduler.members import enrol

LAST = datetime(2026, 3, 30, 2, tzinfo=UTC)  # Europe and Auckland are about to change their clocks
DAYS = [LAST - timedelta(days=back) for back in reversed(range(10))]
NOW = LAST + timedelta(hours=5)

Way = Callable[[Engine, Callable[[Engine, datetime], object]], None]


def forwards(engine: Engine, run: Callable[[Engine, datetime], object]) -> None:
    for day in DAYS:
        run(engine, day)


def backwards(engine: Engine, run: Callable[[Engine, datetime], object]) -> None:
    for day in reversed(DAYS):
        run(engine, day)


def five_at_once(engine: Engine, run: Callable[[Engine, datetime], object]) -> None:
    start_together = Barrier(5)

    def run_with_others(day: datetime) -> None:
        start_together.wait(timeout=60)
        run(engine, day)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(run_with_others, DAYS))


def last_only(engine: Engine, run: Callable[[Engine, datetime], object]) -> None:
    run(engine, LAST)


@dataclass(frozen=True)
class Outcome:
    """What one way left: the books, the mails by recipient and subject, expiries by run."""

    books: Books
    mails: Counter[tuple[str, str]]
    cards_expired: list[int]


@pytest.fixture
def made_up(
    template_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Way], Outcome]]:
    """Make up the missed days one way, on a copy of one and the same platform."""
    monkeypatch.setenv("LOYALTY_NOW", NOW.isoformat())
    monkeypatch.setenv("LOYALTY_CHUNK_SIZE", "4")
    with new_database(template_url, template=template_url.database) as platform:
        with opened(platform) as engine:
            seed_templates(engine)
            enrol(engine, LAST.date())
        yield lambda way: outcome(way, platform, tmp_path / way.__name__)


def outcome(way: Way, platform: URL, root: Path) -> Outcome:
    with (
        new_database(platform, template=platform.database) as url,
        opened(url) as engine,
        scripted_server() as post,
    ):

        def run(engine: Engine, day: datetime) -> None:
            WholeDay(day, f"day {day:%d}", root, post.as_mail_server())(engine)

        way(engine, run)
        assert violations(engine, None) == []
        by_run = rows(engine, "select cards_expired from loyalty.expiration_runs order by as_of")
        mails = Counter((str(mail["To"]), str(mail["Subject"])) for mail in post.mails)
        return Outcome(books(engine), mails, [cards for (cards,) in by_run])


@contextmanager
def opened(url: URL) -> Iterator[Engine]:
    engine = connect(url.render_as_string(hide_password=False))
    yield engine
    engine.dispose()


def test_four_ways_leave_the_same_balances_expirations_and_mails(made_up):
    one_by_one = made_up(forwards)
    # Two programs without minimum notice, twelve days over each, two customers came back in each.
    assert sum(one_by_one.cards_expired) == 2 * (12 - 2)
    # The first run takes what was due before the ten days too, each later one its own day's.
    assert one_by_one.cards_expired == [4, 2, 2, 2, 2, 0, 2, 2, 2, 2]
    assert set(one_by_one.mails.values()) == {1}
    others = {way: made_up(way) for way in (backwards, five_at_once, last_only)}
    for way, other in others.items():
        assert differences(other.books, one_by_one.books, *SHARED) == [], way.__name__
        assert other.mails == one_by_one.mails, way.__name__
        assert sum(other.cards_expired) == 20, way.__name__
    # Backwards, the latest day takes everything and the others nothing.
    assert others[backwards].cards_expired == [0] * 9 + [20]
