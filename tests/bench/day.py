"""A whole day, SQL and mail, and what its repetition costs once it is finished."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from sqlalchemy import Engine

from include import cohort_files, cohorts, forecasts, runs
from include.mail.seeding import seed_templates
from include.mail.sending import send_due
from include.mail.server import MailServer
from include.reconcile import reconcile
from include.size_check import check_size
from tests.bench.expiry import open_run
from tests.bench.figures import Figure, measure, ratio
from tests.bench.place import Place, Size
from tests.day import KINDS
from tests.mail.measuring import sink


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Run a day, then the same day again."""
    platform = place.filled(Size(cards, cards // 20, cards // 500))
    samples: dict[str, list[float]] = {"the day": [], "its rerun": []}
    for _ in range(max(1, rounds // 2)):
        with place.copy(platform) as engine, sink() as port:
            seed_templates(engine)
            once = measure({name: lambda: _seconds(engine, port) for name in samples}, 1)
        for name, seconds in once.items():
            samples[name] += seconds
    title = f"rerun of a finished day of {cards:,} cards ÷ the day"
    return [ratio(title, samples, "its rerun", "the day", target=0.05, note="seconds, with mail")]


def _seconds(engine: Engine, port: int) -> float:
    started = time.perf_counter()
    server = MailServer("127.0.0.1", port)
    with tempfile.TemporaryDirectory() as folder:
        run_id = open_run(engine)
        for kind in KINDS:
            cohorts.select_cohort(engine, run_id, kind)
            if kind == "expiry":
                check_size(engine, run_id)
            cohorts.carry_out(engine, run_id, kind)
            if kind == "reinstatement":
                continue
            for part in cohort_files.export(engine, Path(folder), run_id, kind).parts:
                ids = cohort_files.read_ids(engine, Path(folder), run_id, kind, part.name)
                send_due(engine, server, named_ids=ids)
        reconcile(engine, run_id)
        runs.close_run(engine, run_id)
        forecasts.keep_forecast(engine, run_id)
        forecasts.keep_outlook(engine, run_id)
    return time.perf_counter() - started
