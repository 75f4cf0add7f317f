"""When a card of the expiry tests was active, and the run that takes its points."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from include.runs import RunRequest, open_run

# 2025-01-01 + 365 days = 2026-01-01 is due_on; the points go on 2026-01-02.
ACTIVE_AT = "2025-01-01T12:00:00+00:00"
DAY_AFTER = "2026-01-02T02:00:00+00:00"


def opened_run(engine: Engine, as_of: str = DAY_AFTER) -> int:
    """Open a run and nothing more; its stages are left to the test."""
    return open_run(engine, RunRequest("expiry", "manual", datetime.fromisoformat(as_of)))
