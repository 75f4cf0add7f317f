"""Which count a page of coming and outstanding points reads: the latest run's, or its own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from include.clock import read_clock
from include.pages.reading import read


def find_outlook(engine: Engine, count: str | None) -> dict[str, Any]:
    """Find the count to show: that of a run of the last two days, unless `count` is "now".

    Returns:
        `run_id` (None: the page counts by itself), `counted_at`, and the binds of the statements
        that read it: `now_at` and `is_kept`.
    """
    now_at = read_clock(engine)
    kept = [] if count == "now" else read(engine, "find_outlook", {"now_at": now_at})[0]
    found = kept[0] if kept else {"run_id": None, "counted_at": now_at}
    return found | {"now_at": now_at, "is_kept": bool(kept)}
