"""kill -9 of the task's process group between the steps of a day, inside them and at commit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.faults.conftest import OpenShop
from tests.faults.disturbances import killed_and_left_to_the_next_day, killed_and_rerun
from tests.faults.points import MAIL_ANSWER, Stop, is_deed
from tests.faults.shop import Shop, Twin
from tests.rows import execute, rows

# Greeting, EHLO, MAIL, RCPT, DATA and the final dot: what there is to one mail.
ANSWERS = 6
DECIDING = ("queue_", "expire_points", "reinstate_points", "close_run", "record_mail")
EXPIRED = """
    select count(*) from loyalty.expirations
    join loyalty.expiration_runs as runs on runs.id = expirations.run_id
    where runs.dag_run_id = 'day'
"""


def steps(twin: Twin) -> dict[str, int]:
    """Return the day's deeds, their commits and one mail's commands, each by its first point.

    `soak` kills at all points: at those that only read, and at every repetition.
    """
    found: dict[str, int] = {}
    has_written = False
    for number, label in enumerate(twin.passed, 1):
        if label.startswith("commit of "):
            if has_written:
                found.setdefault(label, number)
            has_written = False
        elif is_deed(label):
            found.setdefault(label, number)
            has_written = True
    answers = [number for number, label in enumerate(twin.passed, 1) if label == MAIL_ANSWER]
    return found | {f"{MAIL_ANSWER} {n}": at for n, at in enumerate(answers[:ANSWERS], 1)}


def killed_at_each(
    open_shop: OpenShop,
    stops: dict[str, Stop],
    kill: Callable[[Shop, Twin, Stop], list[str]],
    twin: Twin,
) -> dict[str, list[str]]:
    """Kill one day per stop, each in a shop of its own; return what is wrong after which kill."""

    def killed(stop: Stop) -> list[str]:
        with open_shop() as shop:
            return kill(shop, twin, stop)

    # A task and its server take turns: two of them at a time keep two processors busy.
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(stops, pool.map(killed, stops.values()), strict=True))
    return {label: faults for label, faults in found.items() if faults}


def test_day_killed_before_any_commit_or_answer_is_made_good_by_a_rerun(
    twin: Twin, open_shop: OpenShop
) -> None:
    # Before another statement of the same transaction it would leave the same rows.
    stops = {
        label: Stop(number)
        for label, number in steps(twin).items()
        if label.startswith(("commit of", MAIL_ANSWER))
    }
    assert len(stops) > 20
    assert killed_at_each(open_shop, stops, killed_and_rerun, twin) == {}


def test_day_killed_while_the_server_carries_out_a_step_is_made_good_by_a_rerun(
    twin: Twin, open_shop: OpenShop
) -> None:
    stops = {
        label: Stop(number, moment="sent")
        for label, number in steps(twin).items()
        if label.removeprefix("commit of ").startswith(DECIDING)
    }
    assert "commit of expire_points/01_post_expirations" in stops
    assert "expire_points/01_post_expirations" in stops
    assert killed_at_each(open_shop, stops, killed_and_rerun, twin) == {}


def test_day_killed_at_a_commit_is_made_good_by_the_next_day(
    twin: Twin, open_shop: OpenShop
) -> None:
    stops = {
        label: Stop(number)
        for label, number in steps(twin).items()
        if label.startswith("commit of")
    }
    assert len(stops) > 10
    assert killed_at_each(open_shop, stops, killed_and_left_to_the_next_day, twin) == {}


def test_day_killed_while_its_last_pass_waits_for_a_till_is_made_good_by_a_rerun(
    twin: Twin, shop: Shop
) -> None:
    with shop.engine.connect() as till:
        till.exec_driver_sql("select id from loyalty.loyalty_cards where id = 3 for update")
        with shop.task(shop.day()) as task:
            shop.wait_for_session("wait_event_type = 'Lock' and query ~ 'locked_card'")
            task.kill()
        till.rollback()
    shop.wait_until_alone()
    shop.run(shop.day())
    assert shop.faults(twin.books) == []


def test_day_killed_while_its_commit_is_under_way_is_made_good_by_a_rerun(
    twin: Twin, shop: Shop
) -> None:
    execute(shop.engine, SLOW_COMMIT)
    with shop.task(shop.day()) as task:
        shop.wait_for_session("wait_event = 'PgSleep' and query ~* '^commit'")
        task.kill()
        assert rows(shop.engine, EXPIRED) == [(0,)]  # of this day
    # The server does not know yet that its client is dead, and commits.
    shop.wait_until_alone()
    assert rows(shop.engine, EXPIRED) == [(2,)]
    execute(shop.engine, "drop function loyalty.sleep cascade")
    shop.run(shop.day())
    assert shop.faults(twin.books) == []


# Deferred, so that the time passes inside COMMIT, once per row.
SLOW_COMMIT = """
    create function loyalty.sleep() returns trigger language plpgsql
    as 'begin perform pg_sleep(0.5); return null; end';
    create constraint trigger sleep after insert on loyalty.expirations
    deferrable initially deferred for each row execute function loyalty.sleep()
"""
