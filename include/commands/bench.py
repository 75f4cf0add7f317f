"""`make bench`: what one catch-up day costs, stage by stage, on a throw-away database."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from include import cohort_files, cohorts, runs
from include.commands.entry import run_command
from include.database import connect, run_stage, transaction
from include.embedded import postgres
from include.migrations import migrate
from include.reconcile import reconcile
from include.settings import positive_int, state_dir

DATABASE = "loyalty_bench"
AS_OF = datetime(2026, 1, 31, 2, tzinfo=UTC)


def main() -> int:
    logging.disable(logging.WARNING)
    cards = positive_int("LOYALTY_BENCH_CARDS", 200_000)
    server = postgres.start(state_dir() / "postgres")
    postgres.drop_database(server, DATABASE)
    postgres.ensure_database(server, DATABASE)
    engine = connect(server.url(DATABASE))
    try:
        migrate(engine)
        print(f"{cards:,} cards, one in twenty due; one connection, fsync on.", flush=True)
        _timed("fill", lambda: _fill(engine, cards), cards)
        first = _day(engine, "bench-1", cards // 20)
        again = _day(engine, "bench-2", cards // 20)
        print(f"\nrerun of the finished day / the day itself: {again / first:.3f}")
    finally:
        engine.dispose()
        postgres.drop_database(server, DATABASE)
    return 0


def _day(engine: Engine, dag_run_id: str, due: int) -> float:
    print(f"\n{dag_run_id}")
    started = time.perf_counter()
    run_id = runs.open_run(engine, runs.RunRequest("bench", dag_run_id, AS_OF))
    with tempfile.TemporaryDirectory() as folder:
        stages: dict[str, Callable[[], Any]] = {
            "select warnings": lambda: cohorts.select_cohort(engine, run_id, "warning"),
            "queue warnings": lambda: cohorts.carry_out(engine, run_id, "warning"),
            "select expiry": lambda: cohorts.select_cohort(engine, run_id, "expiry"),
            "expire points": lambda: cohorts.carry_out(engine, run_id, "expiry"),
            "export files": lambda: cohort_files.export(engine, Path(folder), run_id, "expiry"),
            "reconcile": lambda: reconcile(engine, run_id),
            "close run": lambda: runs.close_run(engine, run_id),
        }
        for name, stage in stages.items():
            _timed(name, stage, due)
    return time.perf_counter() - started


def _timed(name: str, stage: Callable[[], Any], cards: int) -> None:
    started = time.perf_counter()
    stage()
    seconds = time.perf_counter() - started
    print(f"  {name:16} {seconds:8.2f} s {cards / seconds:12,.0f} cards/s", flush=True)


def _fill(engine: Engine, cards: int) -> None:
    with transaction(engine, role=None) as connection:
        connection.exec_driver_sql("set local statement_timeout = 0")
        run_stage(connection, "bench", {"cards_total": cards, "as_of": AS_OF})
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("analyze")


if __name__ == "__main__":
    run_command(main)
