"""Turns days into the bars of a chart: geometry only, the template draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from include.pages.reading import Row

STEP, GAP, HEIGHT, HEIGHT_MIN = 10, 2, 110, 2


@dataclass(frozen=True)
class Bar:
    """One day: where its bar stands, what it counts, and which run it belongs to."""

    day_on: date
    x: int
    y: int
    height: int
    figure: int
    run_id: int | None
    is_missed: bool


@dataclass(frozen=True)
class Chart:
    """One figure over days; sizes in the units of the drawing."""

    title: str
    kind: str
    bars: tuple[Bar, ...]
    top: int
    bar_width: int = STEP - GAP
    height: int = HEIGHT

    @property
    def width(self) -> int:
        """The width of all bars."""
        return STEP * len(self.bars)

    @property
    def total(self) -> int:
        """The sum over all days."""
        return sum(bar.figure for bar in self.bars)

    @property
    def missed(self) -> int:
        """How many days have no closed run."""
        return sum(bar.is_missed for bar in self.bars)

    @property
    def months(self) -> tuple[Bar, ...]:
        """The bars under which a month's name is written."""
        return tuple(bar for bar in self.bars if bar.day_on.day == 1)


def make_chart(title: str, kind: str, days: Sequence[Row], figure: str) -> Chart:
    """Return the chart of the column `figure`; the highest bar is as high as the drawing."""
    top = max((int(day[figure]) for day in days), default=0)
    return Chart(
        title, kind, tuple(_bar(place, day, figure, top) for place, day in enumerate(days)), top
    )


def _bar(place: int, day: Row, figure: str, top: int) -> Bar:
    number = int(day[figure])
    # A single point must be seen beside a million.
    height = max(HEIGHT_MIN, round(HEIGHT * number / top)) if number else 0
    return Bar(
        day_on=day["day_on"],
        x=place * STEP,
        y=HEIGHT - height,
        height=height,
        figure=number,
        run_id=day["run_id"],
        is_missed=day["is_missed"],
    )
