"""A page in Airflow answers at once, whatever the platform and its past hold."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from fastapi import Request
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from include.forecasts import keep_outlook
from include.mail.seeding import seed_templates
from include.pages.app import make_app
from include.pages.security import Access
from tests.bench.figures import Figure, measure, single
from tests.bench.place import AS_OF, Place, Size, run_file, run_folder
from tests.rows import rows

RUNS = 90
PROGRAMS = 1_000
TARGET_MS = 300
PAGES = {
    "overview": "/",
    "run": "/runs/{run}",
    "tab of a DAG run": "/dag-runs/loyalty_points_expiration/scheduled__{run}",
    "forecast": "/forecast",
    "forecast of the largest program": "/forecast?program=1",
    "the same, counted now": "/forecast?program=1&count=now",
    "outstanding points": "/outstanding",
    "outstanding points as CSV": "/outstanding.csv",
    "search for a card": "/cards?q={number}",
    "card that expired": "/cards/{card}",
    "templates": "/templates",
    "preview of a mail": "/templates/preview?code=loyalty_points_expiring&language=lb",
    "template of a store": "/templates/edit?code=loyalty_points_expiring&language=fr&store=1",
    "mails that wait": "/mails",
}
# What asks every card, or every check of a run, when a person wishes it.
AT_LEISURE = {
    "forecast, counted now": "/forecast?count=now",
    "outstanding points, counted now": "/outstanding?count=now",
    "proof of a run": "/runs/{run}/proof",
}


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Open every page as the app answers it, on a platform with ninety runs behind it."""
    size = Size(cards, cards // 1_000, cards // 500, PROGRAMS)
    with place.copy(place.filled(size)) as engine, visitor(engine) as client:
        ways = {
            name: partial(_milliseconds, client, path) for name, path in addresses(engine).items()
        }
        measure(ways, 1)
        samples = measure(ways, 2 * rounds)
    told = f"{cards:,} cards, {PROGRAMS:,} programs, {RUNS} runs"
    return [
        single(
            f"page: {name}",
            samples[name],
            "ms",
            target=None if name in AT_LEISURE else TARGET_MS,
            note=told,
        )
        for name in samples
    ]


def give_past(engine: Engine) -> None:
    """Give a platform the runs of its last months, with what they planned, did and mailed."""
    run_folder(engine, "fill_history", {"runs_total": RUNS, "as_of": AS_OF})
    run_file(engine, "gather_statistics")


@contextmanager
def visitor(engine: Engine) -> Iterator[TestClient]:
    """Give the platform its past, and yield who looks at it: somebody whom Airflow lets in."""
    give_past(engine)
    keep_outlook(engine, RUNS)
    seed_templates(engine)
    app = make_app(Access(_anybody, lambda *_: None), lambda: engine, prefix="/loyalty")
    with TestClient(app, follow_redirects=False) as client:
        yield client


def addresses(engine: Engine) -> dict[str, str]:
    """Return the address of every page by its name, with the last run and a card it expired."""
    statement = """
        select run_id as run, card_id as card, card_number as number
        from loyalty.expirations join loyalty.loyalty_cards on card_id = loyalty_cards.id
        order by run_id desc, card_id desc limit 1
    """
    ((run, card, number),) = rows(engine, statement)
    return {
        name: path.format(run=run, card=card, number=number)
        for name, path in (PAGES | AT_LEISURE).items()
    }


async def _anybody(request: Request) -> Any:
    return "anybody"


def _milliseconds(client: TestClient, path: str) -> float:
    started = time.perf_counter()
    answer = client.get(path)
    seconds = time.perf_counter() - started
    if answer.status_code not in (200, 303):
        raise AssertionError(f"{path} answered {answer.status_code}.")
    return 1_000 * seconds
