"""One day of the pipeline without Airflow: the stages in the order of the DAG."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from include.clock import parse_instant
from include.cohorts import Kind, carry_out, select_cohort
from include.forecasts import keep_forecast, keep_outlook
from include.reconcile import reconcile
from include.runs import RunRequest, close_run, open_run
from include.size_check import check_size

KINDS: tuple[Kind, ...] = ("reinstatement", "warning", "expiry")


def run_day(
    engine: Engine,
    as_of: str | datetime,
    *,
    dag_run_id: str | None = None,
    dry_run: bool = False,
    merchant_ids: tuple[int, ...] | None = None,
) -> int:
    """Run one day from its opening to its closing, mail and files apart; returns the run's id."""
    instant = parse_instant(as_of, "as_of") if isinstance(as_of, str) else as_of
    request = RunRequest(
        dag_id="loyalty_points_expiration",
        dag_run_id=dag_run_id or f"scheduled__{instant.isoformat()}",
        as_of=instant,
        dry_run=dry_run,
        merchant_ids=merchant_ids,
    )
    run_id = open_run(engine, request)
    for kind in KINDS:
        select_cohort(engine, run_id, kind)
        if kind == "expiry":
            check_size(engine, run_id)
        carry_out(engine, run_id, kind)
    reconcile(engine, run_id)
    close_run(engine, run_id)
    return run_id


def foreseen_day(engine: Engine, as_of: str | datetime, **options: Any) -> int:
    """Run one day like `run_day`, and keep what it foresees, which takes half as long again."""
    run_id = run_day(engine, as_of, **options)
    keep_forecast(engine, run_id)
    keep_outlook(engine, run_id)
    return run_id
