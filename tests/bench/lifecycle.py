"""Finding new lifecycle events costs what is new, not what the ledger holds."""

from __future__ import annotations

import time
from functools import partial
from uuid import uuid4

from sqlalchemy import Engine

from include.lifecycle import DagRun, queue_events
from tests.bench.figures import Figure, measure, ratio
from tests.bench.place import AS_OF, Place, Size, run_folder

EVENTS = 1_000
# Three ledger rows a card.
FEW, MANY = 33_333, 3_333_333


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Queue the mails of a thousand new rows above a small and a large ledger."""
    del cards
    names = {f"{3 * total:,} rows": place.filled(Size(total, 1_000)) for total in (FEW, MANY)}
    engines = {told: place.engine(name) for told, name in names.items()}
    try:
        ways = {told: partial(_seconds, engine) for told, engine in engines.items()}
        measure(ways, 1)
        samples = measure(ways, 2 * rounds)
    finally:
        for engine in engines.values():
            engine.dispose()
    few, many = ways
    title = f"lifecycle selection of {EVENTS:,} new rows: ledger of {many} ÷ {few}"
    return [ratio(title, samples, many, few, target=2, note="seconds")]


def _seconds(engine: Engine) -> float:
    run_folder(engine, "add_events", {"events_total": EVENTS, "as_of": AS_OF})
    started = time.perf_counter()
    queue_events(engine, DagRun("bench", uuid4().hex))
    return time.perf_counter() - started
