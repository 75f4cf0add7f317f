"""Figures of the benchmark: what was measured, its spread, and the target it is held against."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

Samples = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    `low` and `high` span the ratios (or values) of the single rounds. A figure without a target is
    told for information.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str = "x"
    target: float | None = None
    sense: Literal["<=", ">="] = "<="
    note: str = ""

    @property
    def is_met(self) -> bool:
        """Tell whether the target is met; a figure without one always is."""
        compare = operator.le if self.sense == "<=" else operator.ge
        return self.target is None or compare(self.value, self.target)


def measure(ways: Mapping[str, Callable[[], float]], rounds: int) -> Samples:
    """Measure every way once per round, in turn, so that a busy minute hits all of them."""
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            samples[name].append(way())
    return samples


def ratio(
    name: str,
    samples: Samples,
    above: str,
    below: str,
    *,
    target: float | None = None,
    sense: Literal["<=", ">="] = "<=",
    note: str = "",
) -> Figure:
    """Return the ratio of two medians that were measured in the same rounds."""
    each = [one / other for one, other in zip(samples[above], samples[below], strict=True)]
    value = median(samples[above]) / median(samples[below])
    told = f"{above} {_plain(median(samples[above]))}, {below} {_plain(median(samples[below]))}"
    return Figure(
        name,
        value,
        min(each),
        max(each),
        target=target,
        sense=sense,
        note=" - ".join(filter(None, (told, note))),
    )


def single(
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    target: float | None = None,
    note: str = "",
) -> Figure:
    """Return a figure of its own: the median of its rounds."""
    return Figure(name, median(values), min(values), max(values), unit, target, "<=", note)


def worst(name: str, counts: Sequence[int]) -> Figure:
    """Return a figure of what must not happen in any round: the largest of its counts."""
    return Figure(name, max(counts), min(counts), max(counts), "", 0)


def unmeasured(name: str, *, note: str) -> Figure:
    """Return a figure that could not be had: a target that nobody measured is missed."""
    return Figure(name, 0, 0, 0, target=1, sense=">=", note=note)


def _plain(value: float) -> str:
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
