"""What a run foresees: the next day, to be compared with what came of it, and the outlook."""

from __future__ import annotations

import logging

from sqlalchemy import Engine

from include.clock import clock_of
from include.database import SELECTION, run_stage, transaction

log = logging.getLogger(__name__)


def keep_forecast(engine: Engine, run_id: int) -> dict[str, int]:
    """Keep the cards that the next local day would expire if nobody came back.

    A dry run keeps none; what was kept first stands.

    Returns:
        The cards and points that are kept for this run.
    """
    with transaction(engine, SELECTION) as connection:
        kept = run_stage(connection, "keep_forecast", {"run_id": run_id})
    figures = {name: int(kept[name]) for name in ("cards_forecast", "points_forecast")}
    log.info("If nobody comes back, the day after run %s expires %s.", run_id, figures)
    return figures


def keep_outlook(engine: Engine, run_id: int) -> bool:
    """Count, for the pages, what all cards hold and what expires on each day of the next months.

    A dry run counts nothing, nor does a repeat within the hour that took no points.

    Returns:
        Whether it counted.
    """
    with transaction(engine, SELECTION) as connection:
        binds = {"run_id": run_id, "now_at": clock_of(connection)}
        is_due: bool = run_stage(connection, "keep_outlook", binds)["is_due"]
    return is_due
