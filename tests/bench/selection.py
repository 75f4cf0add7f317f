"""Selecting a cohort costs what the cohort holds, not what the card table holds."""

from __future__ import annotations

import time
from functools import partial
from uuid import uuid4

from sqlalchemy import Engine

from include import cohorts
from include.cohorts import Kind
from tests.bench.expiry import open_run
from tests.bench.figures import Figure, measure, ratio
from tests.bench.place import Place, Size

COHORT = 2_000
KINDS: tuple[Kind, Kind] = ("warning", "expiry")


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Select the same cohort from `cards`, a million at most, and from ten times as many."""
    few = min(cards, 1_000_000)
    engines = {
        total: place.engine(place.filled(Size(total, COHORT, COHORT))) for total in (few, 10 * few)
    }
    try:
        return [_figure(engines, kind, rounds) for kind in KINDS]
    finally:
        for engine in engines.values():
            engine.dispose()


def _figure(engines: dict[int, Engine], kind: Kind, rounds: int) -> Figure:
    ways = {
        f"{total:,} cards": partial(_seconds, engine, kind) for total, engine in engines.items()
    }
    few, many = ways
    measure(ways, 1)  # warms the caches
    samples = measure(ways, 2 * rounds)
    title = f"selecting {COHORT:,} cards for {kind}: {many} ÷ {few}"
    return ratio(title, samples, many, few, target=1.5, note="seconds")


def _seconds(engine: Engine, kind: Kind) -> float:
    run_id = open_run(engine, uuid4().hex)
    started = time.perf_counter()
    plan = cohorts.select_cohort(engine, run_id, kind)
    seconds = time.perf_counter() - started
    if plan.cards_planned != COHORT:
        raise AssertionError(f"{plan.cards_planned} cards were selected, not {COHORT}.")
    return seconds
