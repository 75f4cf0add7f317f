"""Bars of days as figures for an SVG; a day without a value is a gap that one sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 900, 140


@dataclass(frozen=True)
class Bar:
    """One day; `value` None is a day that was missed, `link` the page that tells more."""

    day_on: date
    value: int | None
    x: float
    y: float
    height: float
    link: str | None


@dataclass(frozen=True)
class Chart:
    """Bars from left to right on a sheet of WIDTH by HEIGHT; `top` is the highest value."""

    title: str
    unit: str
    bars: tuple[Bar, ...]
    step: float
    top: int
    width: int = WIDTH
    height: int = HEIGHT


def draw(title: str, unit: str, days: Sequence[tuple[date, int | None, str | None]]) -> Chart:
    """Return the bars of `days`: date, value, link."""
    top = max((value for _, value, _ in days if value is not None), default=0)
    step = WIDTH / max(len(days), 1)
    bars = []
    for place, (day_on, value, link) in enumerate(days):
        height = HEIGHT * value / top if value and top else 0.0
        # A day of few points beside one of many is still a day on which something happened.
        height = max(height, 2.0) if value else 0.0
        bars.append(Bar(day_on, value, place * step, HEIGHT - height, height, link))
    return Chart(title, unit, tuple(bars), step, top)
