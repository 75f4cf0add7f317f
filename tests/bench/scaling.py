"""How the database side grows: a platform cut in two databases, and a replica that follows."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from include.database import connect
from tests.bench import expiry
from tests.bench.figures import Figure, measure, ratio, single
from tests.bench.place import Place, Size, written_bytes
from tests.replica import replica_of, seconds_behind


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Expire the same cards in one database, in two at once, and with a replica behind."""
    whole, half = (
        place.filled(Size(part, part // 20, part // 500)) for part in (cards, cards // 2)
    )
    ways = {
        "one database, one connection": partial(_seconds, place, [whole]),
        "two databases, one connection each": partial(_seconds, place, [half, half]),
    }
    samples = measure(ways, rounds)
    return [
        ratio(
            f"expiring {cards // 20:,} cards: one database ÷ two, one connection each",
            samples,
            *ways,
            note="on the same two cores and the same disk",
        ),
        *_replica_figures(place, whole, cards // 20, rounds),
    ]


def _seconds(place: Place, platforms: list[str]) -> float:
    with ExitStack() as stack:
        engines = [
            stack.enter_context(place.copy(platform, number))
            for number, platform in enumerate(platforms)
        ]
        run_ids = [expiry.open_run(engine) for engine in engines]
        threads = stack.enter_context(ThreadPoolExecutor(len(engines)))
        started = time.perf_counter()
        for work in [
            # Not by `expiry.expire`: two threads must not set the environment at once.
            threads.submit(expiry.select_and_carry_out, engine, run_id)
            for engine, run_id in zip(engines, run_ids, strict=True)
        ]:
            work.result()
        return time.perf_counter() - started


def _replica_figures(place: Place, platform: str, due: int, rounds: int) -> list[Figure]:
    behind, sent = [], []
    with TemporaryDirectory(prefix="replica-", dir=place.folder) as folder:
        Path(folder).chmod(0o755)
        with replica_of(place.server, Path(folder) / "postgres") as replica:
            for _ in range(rounds):
                with place.copy(platform) as engine:
                    run_id = expiry.open_run(engine)
                    seconds_behind(place.server, replica)
                    before = written_bytes(engine)
                    expiry.select_and_carry_out(engine, run_id)
                    behind.append(seconds_behind(place.server, replica))
                    sent.append((written_bytes(engine) - before) / due / 1024)
                    _require_same(engine, connect(replica.url(engine.url.database or "")))
    title = f"replica: {due:,} cards expire on the primary"
    return [
        single(f"{title}: seconds behind at the end", behind, "s"),
        single(f"{title}: log that it replays", sent, "KB/card"),
    ]


def _require_same(primary: Engine, replica: Engine) -> None:
    taken = "select count(*) || ' cards, ' || sum(points) || ' points' from loyalty.expirations"
    told, replayed = _asked(primary, taken), _asked(replica, taken)
    replica.dispose()
    if told != replayed:
        raise AssertionError(f"{replayed} on the replica, {told} on the primary.")


def _asked(engine: Engine, query: str) -> str:
    with engine.connect() as connection:
        return str(connection.exec_driver_sql(query).scalar_one())
