"""What goes to Airflow's own metrics (StatsD or OpenTelemetry); `docs/alarms.md` names them all.

The thin edge to Airflow, which sends them where its `[metrics]` settings say, and nowhere by
default. Numbers only: no name, no address and no id of anybody.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from airflow.sdk.observability import stats
from sqlalchemy import Engine

from include.clock import read_clock
from include.database import READER, SELECTION, run_stage, transaction
from include.progress import Standing, Tell

log = logging.getLogger(__name__)


def initialise() -> None:
    """Let metrics flow from a process that Airflow's own task runner did not start."""
    from airflow.sdk.configuration import conf
    from airflow.sdk.observability.metrics.stats_utils import get_stats_factory

    stats.initialize(
        factory=get_stats_factory(),
        export_legacy_names=conf.getboolean("metrics", "legacy_names_on"),
    )


def run_closed(engine: Engine, run_id: int) -> None:
    """Send a closed run's figures; repeated, they are the same. A dry run has none."""
    with _no_failure():
        with transaction(engine, SELECTION, role=READER) as connection:
            measured = run_stage(connection, "measure_run", {"run_id": run_id})
        del measured["run_id"]
        if run_type := measured.pop("run_type", None):
            _gauges(f"{run_type}_run", measured)


def outbox(engine: Engine) -> None:
    """Send how many mails wait, and for how long the oldest has."""
    with _no_failure():
        binds = {"now_at": read_clock(engine)}
        with transaction(engine, role=READER) as connection:
            measured = run_stage(connection, "measure_outbox", binds)
        del measured["now_at"]
        _gauges("outbox", measured)


def mails(figures: Mapping[str, int]) -> None:
    """Count what a sender's mails became, by status."""
    with _no_failure():
        for status, count in figures.items():
            if count:
                stats.incr(f"loyalty.mails.{status}", count)


def progress(kind: str) -> Tell:
    """Return what sends the standing of a task under way, as gauges of its kind."""
    return partial(_progress, kind)


def _progress(kind: str, standing: Standing) -> None:
    told = {
        "per_second": standing.per_second,
        "share_done": standing.share,
        "seconds_left": standing.seconds_left,
    }
    with _no_failure():
        _gauges(
            f"progress.{kind}", {name: value for name, value in told.items() if value is not None}
        )


def _gauges(group: str, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        stats.gauge(f"loyalty.{group}.{name}", value)


@contextmanager
def _no_failure() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # What a task did stands, whether anybody hears of it or not.
        log.warning(
            "A metric could not be sent (%s: %s); the work is not affected.",
            type(error).__name__,
            error,
        )
