"""Random faults at random points of random days, for as long as one likes.

python -m tests.faults.soak SECONDS [SEED]
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from include.database import LAST_PASS, Limits
from tests.faults.books import books
from tests.faults.disturbances import (
    crashed,
    killed_and_left_to_the_next_day,
    killed_and_rerun,
    made_good_the_next_day,
    met_by_another,
    overtaken,
)
from tests.faults.people import LATE_CARDS
from tests.faults.points import UNSENDABLE, Stop
from tests.faults.servers import FragileServer, fragile_server
from tests.faults.shop import Shop, Twin, copied_shop, populated, undisturbed
from tests.faults.whole_day import Files, Limited, RunOnly, SmallDisk
from tests.soak.figures import Figures

FAULTS_PER_POPULATION = 12
SHORT_WAIT = Limits(lock_timeout="100ms")


@dataclass(frozen=True)
class Scene:
    """A shop about to be disturbed, what its day should come to, and the dice."""

    shop: Shop
    twin: Twin
    server: FragileServer
    draw: random.Random

    def stop(self) -> Stop:
        """Draw one of the day's points."""
        return Stop(self.draw.randint(1, len(self.twin.passed)))

    def sent(self) -> Stop:
        """Draw a statement or commit that the server carries out after its client's death."""
        labels = enumerate(self.twin.passed, 1)
        numbers = [number for number, label in labels if label not in UNSENDABLE]
        return Stop(self.draw.choice(numbers), moment="sent")


def kill_between_steps(scene: Scene) -> list[str]:
    return killed_and_rerun(scene.shop, scene.twin, scene.stop())


def kill_in_mid_step(scene: Scene) -> list[str]:
    return killed_and_rerun(scene.shop, scene.twin, scene.sent())


def kill_and_forget(scene: Scene) -> list[str]:
    stop = scene.draw.choice((scene.stop, scene.sent))()
    return killed_and_left_to_the_next_day(scene.shop, scene.twin, stop)


def freeze(scene: Scene) -> list[str]:
    last_pass = scene.draw.choice((LAST_PASS, SHORT_WAIT))
    overtaken(scene.shop, scene.twin, scene.stop(), last_pass=last_pass)
    # Cards that the frozen task had locked may have been left to the next day, and its mails.
    is_complete = not scene.shop.faults(scene.twin.books)
    return [] if is_complete else made_good_the_next_day(scene.shop, scene.twin)


def crash_server(scene: Scene) -> list[str]:
    stop = scene.draw.choice((scene.stop, scene.sent))()
    return crashed(scene.shop, scene.twin, stop, scene.server)


def start_twice(scene: Scene) -> list[str]:
    names = scene.draw.choice((("day", "day"), ("scheduled", "manual")))
    return met_by_another(scene.shop, scene.twin, scene.stop(), names)


def time_out(scene: Scene) -> list[str]:
    shop = scene.shop
    impatient = Limits(lock_timeout="20s", statement_timeout="100ms")
    table = scene.draw.choice(("email_logs", "expirations", "reinstatements"))
    with shop.engine.connect() as application:
        application.exec_driver_sql(f"lock table loyalty.{table} in share mode")
        with shop.task(Limited(shop.day(), {"HOLDING": impatient})) as task:
            error = str(task.ended().error)
        application.rollback()
    assert "statement timeout" in error, f"nothing timed out: {error}"
    shop.run(shop.day())
    return shop.faults(scene.twin.books)


def hold_a_card(scene: Scene) -> list[str]:
    shop = scene.shop
    wanted = scene.twin.books
    done = {row[0] for name in ("stamps", "reinstatements") for row in wanted[name]}
    done |= {row[0] for row in wanted["expirations"]} - LATE_CARDS
    card = scene.draw.choice(sorted(done))
    with shop.engine.connect() as till:
        lock = "select id from loyalty.loyalty_cards where card_number = %(card)s for update"
        till.exec_driver_sql(lock, {"card": card})
        shop.run(Limited(shop.day(), {"LAST_PASS": SHORT_WAIT}))
        skips = books(shop.engine)["skips"]
        till.rollback()
    assert {skip[2:] for skip in skips} == {(card, "locked")}, f"{card} was not held: {skips}"
    return made_good_the_next_day(shop, scene.twin)


def fill_the_disk(scene: Scene) -> list[str]:
    shop = scene.shop
    files = Files(shop.run(RunOnly(shop.now, "day")).result, shop.root)
    with shop.task(SmallDisk(files, scene.draw.randrange(450))) as task:
        error = str(task.ended().error)
    assert "File too large" in error, f"the disk was not full: {error}"
    shop.run(shop.day())
    return shop.faults(scene.twin.books)


FAULTS: tuple[Callable[[Scene], list[str]], ...] = (
    kill_between_steps, kill_between_steps, kill_in_mid_step, kill_in_mid_step, kill_and_forget,
    freeze, crash_server, start_twice, time_out, hold_a_card, fill_the_disk,
)  # fmt: skip


def soak(deadline: float, seed: int) -> Figures:
    """Fire faults until `deadline` (of `time.monotonic`), at least one; `seed` draws them all."""
    draw = random.Random(seed)
    fired: Counter[str] = Counter()
    violations: list[str] = []
    with fragile_server() as server, _folder() as root, _told(fired):
        while not fired or time.monotonic() < deadline:
            population = draw.randrange(1 << 32)
            with populated(server.template, population, cards=draw.randint(6, 10)) as seeded:
                for name, found in _disturb(seeded, root, server, draw, deadline):
                    fired[name] += 1
                    violations += [f"{name}, population {population}: {each}" for each in found]
    return Figures("faults", fired.total(), tuple(violations))


def _disturb(
    seeded: URL, root: Path, server: FragileServer, draw: random.Random, deadline: float
) -> Iterator[tuple[str, list[str]]]:
    with undisturbed(seeded, root, chunk_size=draw.randint(1, 3)) as twin:
        for number in range(FAULTS_PER_POPULATION):
            if number and time.monotonic() > deadline:
                return
            fault = draw.choice(FAULTS)
            with copied_shop(seeded, root, chunk_size=twin.chunk_size) as shop:
                try:
                    yield fault.__name__, fault(Scene(shop, twin, server, draw))
                except AssertionError as error:  # the fault did not fire, or the rerun failed
                    told = " ".join(str(error).split())[:300]
                    yield fault.__name__, [told]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="loyalty-faults-") as folder:
        yield Path(folder)


@contextmanager
def _told(fired: Counter[str]) -> Iterator[None]:
    try:
        yield
    finally:
        for name, times in sorted(fired.items()):
            print(f"{times:6} {name.replace('_', ' ')}", flush=True)


if __name__ == "__main__":
    seconds, chosen = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    figures = soak(time.monotonic() + seconds, chosen)
    print(f"{figures.tried:6} faults fired, {len(figures.violations)} violations")
    print("\n".join(figures.violations))
    sys.exit(bool(figures.violations))
