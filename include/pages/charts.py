"""Days as figures for a chart; a day without a value is a gap that one sees."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Chart:
    """Bars from left to right, as `static/charts.js` draws them; `top` is the highest value."""

    title: str
    unit: str
    top: int
    has_gaps: bool
    days: str


def draw(title: str, unit: str, days: Sequence[tuple[date, int | None, str | None]]) -> Chart:
    """Return the chart of `days`: date, value (None: the day was missed), link (None: none)."""
    top = max((value for _, value, _ in days if value is not None), default=0)
    bars = [
        {"day": day_on.isoformat(), "value": value, "link": link} for day_on, value, link in days
    ]
    has_gaps = any(value is None for _, value, _ in days)
    return Chart(title, unit, top, has_gaps, json.dumps(bars, separators=(",", ":")))
