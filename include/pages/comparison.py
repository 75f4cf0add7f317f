"""Yesterday's forecast beside what came of it, as lines that add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from include.pages.reading import Rows, read

OUTCOMES = {
    "came_back": ("Came back", "The customer was active again, other than by redeeming."),
    "redeemed": ("Redeemed", "The customer used points in time."),
    "emptied": ("Emptied otherwise", "Points were voided or adjusted to nothing."),
    "settings": ("Settings changed", "Days, time zone or notice of the program, or the program."),
    "held": ("Held", "By the size check; not approved, or not decided yet."),
    "notice": ("Notice owed or promised later", "No warning was accepted long enough before."),
    "deactivated": ("Deactivated", "The card, its program or its merchant."),
    "locked": ("Held by a till", "The whole time; due again the next day."),
    "still_due": ("Still due", "No run of that day has taken it."),
}
UNFORESEEN = {
    "due_later": "Fell due after the day that was forecast: days were made up",
    "settings": "The program's settings changed",
    "program_left_out": "The program was left out of the run before",
    "points_came": "Points came without activity, by adjustment for instance",
    "unknown": "Not recorded: a card that was switched on again, for instance",
}


@dataclass(frozen=True)
class Line:
    """One outcome; the points are those of the forecast, or of the expiry where none was made."""

    name: str
    meaning: str
    cards: int
    points: int


@dataclass(frozen=True)
class Comparison:
    """The forecast is `expired` and all `differences`; `taken` is `expired` and `unforeseen`."""

    run_id: int
    as_of: datetime
    forecast_run_id: int
    forecast_as_of: datetime
    forecast: Line
    expired: Line
    differences: tuple[Line, ...]
    unforeseen: tuple[Line, ...]
    taken: Line


def compare(engine: Engine, run_id: int | None = None) -> Comparison | None:
    """Compare a daily run, or the latest, with the forecast of the one before; None without one."""
    ((*found,),) = read(engine, "find_compared_runs", {"run_id": run_id})
    if not found:
        return None
    runs = found[0]
    outcomes, unforeseen = read(engine, "compare_forecast", runs)
    del runs["taking_run_ids"]
    surprises = tuple(
        Line(UNFORESEEN[row["reason"]], "", row["cards_total"], row["points_total"])
        for row in unforeseen
    )
    done = [row for row in outcomes if row["outcome"] == "expired"]
    expired = _line("Expired as forecast", done, "points_taken")
    return Comparison(
        **runs,
        forecast=_line("Forecast", outcomes, "points_forecast"),
        expired=expired,
        differences=_differences(outcomes),
        unforeseen=surprises,
        taken=_total("Expired in all", (expired, *surprises)),
    )


def _line(name: str, rows: Rows, points: str) -> Line:
    cards_total = sum(row["cards_total"] for row in rows)
    return Line(name, "", cards_total, sum(row[points] for row in rows))


def _total(name: str, lines: Sequence[Line]) -> Line:
    return Line(name, "", sum(line.cards for line in lines), sum(line.points for line in lines))


def _differences(outcomes: Rows) -> tuple[Line, ...]:
    lines = [
        Line(*OUTCOMES[row["outcome"]], row["cards_total"], row["points_forecast"])
        for row in outcomes
        if row["outcome"] != "expired"
    ]
    done = [row for row in outcomes if row["outcome"] == "expired"]
    if changed := sum(row["points_forecast"] - row["points_taken"] for row in done):
        meaning = "Of cards that expired as forecast; below zero: more went than was forecast."
        lines.append(Line("Points changed", meaning, 0, changed))
    return tuple(lines)
