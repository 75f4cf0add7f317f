"""Writing cohort files: rows a second against PostgreSQL's own COPY, and memory."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import Engine

from include import cohort_files
from include.database import connect, statements
from tests.bench.expiry import expire, open_run
from tests.bench.figures import Figure, measure, ratio, single
from tests.bench.place import Place, Size

_PROCESSES = multiprocessing.get_context("spawn")


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Export a cohort of expired cards, and one of a tenth of its size."""
    due = min(150_000, cards // 2)
    with _expired(place, Size(cards, due // 10)) as (engine, run_id):
        few = _peak_mb(engine, run_id)
    with _expired(place, Size(cards, due)) as (engine, run_id):
        ways = {
            "COPY": partial(_copy_seconds, engine, run_id),
            "export": partial(_export_seconds, engine, run_id),
        }
        measure(ways, 1)
        samples = measure(ways, 2 * rounds + 1)
        many = _peak_mb(engine, run_id)
    title = f"export of {due:,} rows"
    return [
        ratio(f"{title}: rows/s ÷ COPY", samples, "COPY", "export", target=0.85, sense=">="),
        single(f"{title}: memory beyond the idle process", [many], "MB", target=64),
        single(f"{title}: beyond that for {due // 10:,}", [many - few], "MB", target=8),
    ]


@contextmanager
def _expired(place: Place, size: Size) -> Iterator[tuple[Engine, int]]:
    with place.copy(place.filled(size)) as engine:
        run_id = open_run(engine)
        expire(engine, run_id, connections=1)
        yield engine, run_id


def _export_seconds(engine: Engine, run_id: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        cohort_files.export(engine, Path(folder), run_id, "expiry")
        return time.perf_counter() - started


def _copy_seconds(engine: Engine, run_id: int) -> float:
    """Let the server write the same rows to nowhere, in one piece."""
    (copy,) = statements("copy_file_part")
    bounds = {"run_id": run_id, "kind": "expiry", "first_card_id": 0, "last_card_id": 1 << 62}
    with engine.connect() as connection:
        started = time.perf_counter()
        connection.exec_driver_sql(copy.replace("to stdout", "to '/dev/null'"), bounds)
        return time.perf_counter() - started


def _peak_mb(engine: Engine, run_id: int) -> float:
    ours, theirs = _PROCESSES.Pipe()
    url = engine.url.render_as_string(hide_password=False)
    process = _PROCESSES.Process(target=_export, args=(theirs, url, run_id))
    process.start()
    theirs.close()
    peak: float = ours.recv()
    process.join()
    return peak


def _export(control: Connection, url: str, run_id: int) -> None:
    before = _peak_kb()
    _export_seconds(connect(url), run_id)
    control.send((_peak_kb() - before) / 1024)


def _peak_kb() -> int:
    """Return what this process held at most; `getrusage` would tell its parent's peak."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])
