"""What chunks, connections, programs and the application's own choices make of an expiry."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from unittest.mock import patch

from sqlalchemy import Engine

from include import database
from tests.bench import expiry
from tests.bench.figures import Figure, measure, ratio, single
from tests.bench.place import Place, Size, run_file, written_bytes

AS_IT_IS = "as it is"


@dataclass(frozen=True)
class Choice:
    """One way to set up the same expiry: the job's own settings, or another platform."""

    settings: Mapping[str, str] = field(default_factory=dict)
    # What the job's sessions would set otherwise, each transaction anew.
    session: Mapping[str, str] = field(default_factory=dict)
    connections: int = 1
    programs_total: int = Size.programs_total
    script: str | None = None


CHOICES = {
    AS_IT_IS: Choice(),
    "chunks of 250": Choice({"LOYALTY_CHUNK_SIZE": "250"}),
    "chunks of 4,000": Choice({"LOYALTY_CHUNK_SIZE": "4000"}),
    "two connections": Choice(connections=2),
    "four connections": Choice(connections=4),
    "work_mem 4MB": Choice(session={"work_mem": "4MB"}),
    "plan_cache_mode auto": Choice(session={"plan_cache_mode": "auto"}),
    "plan_cache_mode force_custom_plan": Choice(session={"plan_cache_mode": "force_custom_plan"}),
    "chunks wait for the disk": Choice(session={"synchronous_commit": "on"}),
    "one program": Choice(programs_total=1),
    "5,000 programs": Choice(programs_total=5_000),
    "fillfactor 85 on the cards": Choice(script="widen_pages"),
    "wal_compression = pglz": Choice(script="compress_log"),
    "ledger cut by month": Choice(script="partition_ledger"),
}


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Expire one card in twenty, and as few as on a usual day, by every choice."""
    return [
        *_time_figures(place, Size(cards, cards // 20, cards // 500), -(-rounds // 2)),
        *_log_figures(place, Size(cards, cards // 500, cards // 500)),
    ]


def _time_figures(place: Place, size: Size, rounds: int) -> list[Figure]:
    ways = {name: partial(_seconds, place, size, choice) for name, choice in CHOICES.items()}
    samples = measure(ways, rounds)
    return [
        ratio(f"{_title(size)}: {name} ÷ {AS_IT_IS}", samples, name, AS_IT_IS)
        for name in CHOICES
        if name != AS_IT_IS
    ]


def _seconds(place: Place, size: Size, choice: Choice) -> float:
    with opened(place, size, choice) as engine:
        run_id = expiry.open_run(engine)
        started = time.perf_counter()
        expiry.expire(engine, run_id, connections=choice.connections)
        return time.perf_counter() - started


def _log_figures(place: Place, size: Size) -> list[Figure]:
    """Tell how much log a card is; on a usual day nearly each changes pages that nobody else does.

    A page goes to the log as a whole when it is changed for the first time after a checkpoint.
    """
    made = []
    for name, choice in CHOICES.items():
        if choice.script or name == AS_IT_IS:
            with opened(place, size, choice) as engine:
                run_id, before = expiry.open_run(engine), written_bytes(engine)
                expiry.expire(engine, run_id, connections=choice.connections)
                written = (written_bytes(engine) - before) / size.due_total / 1024
            made.append(single(f"{_title(size)}: log, {name}", [written], "KB/card"))
    return made


def _title(size: Size) -> str:
    return f"expiring {size.due_total:,} of {size.cards_total:,} cards"


@contextmanager
def opened(place: Place, size: Size, choice: Choice) -> Iterator[Engine]:
    """Yield a fresh copy of the platform of a size, set up by a choice (its programs included)."""
    platform = place.filled(replace(size, programs_total=choice.programs_total))
    with place.copy(platform) as engine, patch.dict(os.environ, choice.settings):
        if choice.script:
            run_file(engine, choice.script)
            run_file(engine, "warm_up")
            # What a script sets for a database holds for later sessions.
            engine.dispose()
        with _sessions_that_set(choice.session):
            yield engine


@contextmanager
def _sessions_that_set(settings: Mapping[str, str]) -> Iterator[None]:
    """Let every transaction of the pipeline set these after its own limits."""
    known = database.statements
    values = ", ".join(
        f"set_config('{name}', '{value}', true) as {name}" for name, value in settings.items()
    )

    def statements(stage: str) -> tuple[str, ...]:
        added = (f"select {values}",) if settings and stage == "limit_session" else ()
        return known(stage) + added

    with patch.object(database, "statements", statements):
        yield
