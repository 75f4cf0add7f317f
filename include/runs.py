"""A run's beginning and end: `expiration_runs` and the snapshot of the settings."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine

from include.clock import check_as_of, parse_instant, read_clock
from include.database import CLOSING, SELECTION, require_schema, run_stage, statements, transaction
from include.errors import ConfigurationError
from include.reconcile import prove_report

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunRequest:
    """What one execution of the DAG was asked to do; `merchant_ids` None means all."""

    dag_id: str
    dag_run_id: str
    as_of: datetime
    dry_run: bool = False
    merchant_ids: tuple[int, ...] | None = None
    run_type: Literal["daily", "reinstatement"] = "daily"


def resolve_as_of(
    parameter: str | None, logical_date: datetime | None, run_after: datetime | None
) -> datetime:
    """Return the instant a run stands for: its parameter, its logical date, or its run_after.

    Raises:
        InvalidInstantError: the parameter is no instant with an offset.
        ConfigurationError: none of the three is there.
    """
    if parameter:
        return parse_instant(parameter, "as_of")
    instant = logical_date or run_after
    if instant is None:
        raise ConfigurationError("The run has no date; start it with the parameter as_of.")
    return instant


def open_run(engine: Engine, request: RunRequest) -> int:
    """Open the run, or go on with its open attempt, and snapshot the programs' settings.

    Returns:
        The id of the run.

    Raises:
        ConfigurationError: `merchant_ids` names a merchant that does not exist.
    """
    require_schema(engine)
    evaluated_at = read_clock(engine)
    check_as_of(request.as_of, evaluated_at)
    with transaction(engine, SELECTION) as connection:
        _refuse_unknown_merchants(connection, request)
        opened = run_stage(
            connection,
            "open_run",
            {
                **vars(request),
                "merchant_ids": list(request.merchant_ids) if request.merchant_ids else None,
                "evaluated_at": evaluated_at,
            },
        )
    log.info(
        "Run %s (attempt %s) stands for %s.",
        opened["run_id"],
        opened["attempt"],
        request.as_of.isoformat(),
    )
    _warn_of_unknown_zones(engine, opened["run_id"])
    return int(opened["run_id"])


def _refuse_unknown_merchants(connection: Connection, request: RunRequest) -> None:
    if not request.merchant_ids:
        return
    named = {"merchant_ids": list(request.merchant_ids)}
    if unknown := run_stage(connection, "find_unknown_merchants", named)["unknown_ids"]:
        raise ConfigurationError(
            f"merchant_ids names no merchant: {', '.join(map(str, unknown))}. Nothing was done; "
            "correct the ids, then trigger the run again."
        )


def _warn_of_unknown_zones(engine: Engine, run_id: int) -> None:
    for program in read_report(engine, run_id):
        if program["exempt_reason"] == "unknown_time_zone":
            log.warning(
                "Program %s is left out: the database knows no time zone %r. Correct its "
                "time_zone; its cards are decided by the next run.",
                program["program_id"],
                program["time_zone"],
            )


def hold_open(connection: Connection, run_id: int) -> bool:
    """Tell whether the run is open, and keep it open until this transaction ends.

    Whoever adds to a run's rows asks this first: a closed run never changes, not even by a task
    that was frozen while its repetition closed the run.
    """
    if run_stage(connection, "hold_run", {"run_id": run_id})["is_open"]:
        return True
    log.info("Run %s is closed; nothing is changed. Clear the whole run to repeat it.", run_id)
    return False


def is_dry(engine: Engine, run_id: int) -> bool:
    """Tell whether the run only plans and reports."""
    with transaction(engine) as connection:
        return bool(run_stage(connection, "read_run_status", {"run_id": run_id})["dry_run"])


def close_run(engine: Engine, run_id: int) -> dict[str, int]:
    """Write the report from what was done and close the run.

    Returns:
        The run's counts, by column name of `expiration_runs`; cards and points.

    Raises:
        ReconcileError: the report does not equal the ledger; the run stays open.
    """
    with transaction(engine, CLOSING) as connection:
        closed = run_stage(
            connection, "close_run", {"run_id": run_id, "closed_at": read_clock(engine)}
        )
        prove_report(connection, run_id)
    figures: dict[str, int] = {name: int(closed[name]) for name in REPORT_FIGURES}
    log.info("Run %s is closed: %s", run_id, figures)
    return figures


REPORT_FIGURES = (
    "warning_cards_planned",
    "warning_cards_queued",
    "warning_cards_skipped",
    "expiry_cards_planned",
    "expiry_points_planned",
    "cards_expired",
    "points_expired",
    "expiry_cards_skipped",
    "programs_held",
    "cards_reinstated",
    "points_reinstated",
    "reinstatements_skipped",
)


def read_report(engine: Engine, run_id: int) -> list[dict[str, Any]]:
    """Return the run's rows of `expiration_run_programs` with names, in program order."""
    (statement,) = statements("read_report")
    with transaction(engine) as connection:
        rows = connection.exec_driver_sql(statement, {"run_id": run_id}).mappings().all()
    return [dict(row) for row in rows]
