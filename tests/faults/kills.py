"""Kills a day's task at one of its points, runs it again and tells what is wrong then."""

from __future__ import annotations

from tests.faults.points import Stop
from tests.faults.shop import NEXT_DAY, Shop, Twin
from tests.faults.books import LASTING


def killed_and_rerun(shop: Shop, twin: Twin, stop: Stop, label: str) -> list[str]:
    """Kill the day at `stop` and repeat its DAG run; all must be as if nothing had happened."""
    _kill(shop, stop, label)
    shop.run(shop.day())
    return shop.faults(twin.books)


def killed_and_left_to_the_next_day(shop: Shop, twin: Twin, stop: Stop, label: str) -> list[str]:
    """Kill the day at `stop` and only run the next one; what lasts must be as after two days."""
    _kill(shop, stop, label)
    later = shop.at(NEXT_DAY)
    later.run(later.day("next day"))
    return shop.faults(twin.books_next_day, *LASTING)


def _kill(shop: Shop, stop: Stop, label: str) -> None:
    with shop.task(shop.day(), stop) as task:
        assert task.reached() == label
        task.kill()
    shop.wait_until_alone()
