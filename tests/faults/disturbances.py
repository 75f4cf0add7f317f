"""Disturbs a day's task, runs it or the next day again, and tells what is wrong then."""

from __future__ import annotations

from include import database
from include.database import Limits
from tests.faults.books import LASTING, SHARED
from tests.faults.points import Stop
from tests.faults.servers import FragileServer
from tests.faults.shop import NEXT_DAY, Shop, Twin
from tests.faults.task import Task
from tests.faults.whole_day import Limited, giving_way

# As long as the server waits for a task that stands still; in earnest it waits longer.
FROZEN_FOR = "2s"
# What a task says that lost its database.
LOST = ("OperationalError", "DatabaseUnreachableError", "DBAPIError")


def killed_and_rerun(shop: Shop, twin: Twin, stop: Stop) -> list[str]:
    """Kill the day at `stop` and repeat its DAG run; all must be as if nothing had happened."""
    _kill(shop, twin, stop)
    shop.run(shop.day())
    return shop.faults(twin.books)


def killed_and_left_to_the_next_day(shop: Shop, twin: Twin, stop: Stop) -> list[str]:
    """Kill the day at `stop` and only run the next one; what lasts must be as after two days."""
    _kill(shop, twin, stop)
    return made_good_the_next_day(shop, twin)


def overtaken(
    shop: Shop, twin: Twin, stop: Stop, *, last_pass: Limits = database.LAST_PASS
) -> str | None:
    """Freeze the day at `stop`, let its retry run to the end, then wake the frozen task.

    Returns:
        What the woken task says: None where it found nothing left to do.
    """
    with shop.task(giving_way(shop.day(), FROZEN_FOR), stop) as task:
        _reach(task, twin, stop)
        task.freeze()
        task.go_on()
        shop.run_until_done(Limited(shop.day(), {"LAST_PASS": last_pass}))
        task.wake()
        error = task.ended().error
    shop.wait_until_alone()
    return error


def crashed(shop: Shop, twin: Twin, stop: Stop, server: FragileServer) -> list[str]:
    """Stop the database at `stop`, start it again and repeat the day."""
    server.checkpoint()
    with shop.task(shop.day(), stop) as task:
        _reach(task, twin, stop)
        with server.crashed():
            if stop.moment == "before":
                task.go_on()
                error = str(task.ended().error)
                assert error.startswith(LOST), f"the crash was not felt: {error}"
            else:
                task.kill()
    shop.run(shop.day())
    return shop.faults(twin.books)


def met_by_another(shop: Shop, twin: Twin, stop: Stop, names: tuple[str, str]) -> list[str]:
    """Let a second process start the day while the first stands at `stop`, then both run on."""
    with shop.task(shop.day(names[0]), stop) as one:
        _reach(one, twin, stop)
        with shop.task(shop.day(names[1])) as other:
            one.go_on()
            finish(shop, names[0], one)
            finish(shop, names[1], other)
    return shop.faults(twin.books, *SHARED)


def finish(shop: Shop, dag_run_id: str, task: Task) -> None:
    """Let a task run to its end, and once more where another was in its way."""
    if task.ended().error is not None:
        shop.run(shop.day(dag_run_id))


def made_good_the_next_day(shop: Shop, twin: Twin) -> list[str]:
    """Run the next day; what lasts must be as after two days in peace."""
    later = shop.at(NEXT_DAY)
    later.run(later.day("next day"))
    return later.faults(twin.books_next_day, *LASTING)


def _kill(shop: Shop, twin: Twin, stop: Stop) -> None:
    with shop.task(shop.day(), stop) as task:
        _reach(task, twin, stop)
        task.kill()
    shop.wait_until_alone()


def _reach(task: Task, twin: Twin, stop: Stop) -> None:
    label = task.reached()
    wanted = [each for each in twin.passed if each.startswith(stop.label)][stop.number - 1]
    assert label == wanted, f"the task stands at {label}, not at {wanted}"
