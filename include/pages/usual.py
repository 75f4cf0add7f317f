"""What is usual: the medians of the days before a run."""

from __future__ import annotations

from statistics import median

from include.pages.reading import Rows

FIGURES = (
    "warning_cards_queued",
    "cards_expired",
    "points_expired",
    "programs_held",
    "duration_seconds",
)


def medians(days: Rows) -> dict[str, float]:
    """Return the median of each figure over `days`; empty where there are none."""
    known = {name: [day[name] for day in days if day[name] is not None] for name in FIGURES}
    return {name: median(values) for name, values in known.items() if values}
