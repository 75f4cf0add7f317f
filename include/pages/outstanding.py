"""Outstanding points by age, for the accountants: as a page and as a file."""

from __future__ import annotations

import csv
import io
from datetime import UTC

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from include.pages.outlook import find_outlook
from include.pages.reading import read, replica_of
from include.pages.rendering import page

router = APIRouter()
COLUMNS = (
    "program_id",
    "program_name",
    "merchant_name",
    "age_days_min",
    "cards_total",
    "points_total",
    "breakage_share",
    "breakage_points",
    "counted_at",
)
ROWS_MAX = 500


@router.get("/outstanding")
def outstanding(request: Request, count: str | None = None) -> HTMLResponse:
    """Outstanding points by age and program, and how many will hardly be redeemed."""
    engine = replica_of(request)
    outlook = find_outlook(engine, count)
    (rows,) = read(engine, "show_outstanding", outlook)
    ages: dict[int | None, list[int]] = {}
    for row in rows:
        total = ages.setdefault(row["age_days_min"], [0, 0])
        total[0] += row["cards_total"]
        total[1] += row["points_total"]
    return page(
        request,
        "outstanding.html",
        ages=sorted(ages.items(), key=lambda age: (age[0] is None, age[0])),
        points=sum(row["points_total"] for row in rows),
        breakage=sum(row["breakage_points"] or 0 for row in rows),
        rows=rows[:ROWS_MAX],
        unshown=max(len(rows) - ROWS_MAX, 0),
        outlook=outlook,
    )


@router.get("/outstanding.csv")
def outstanding_file(request: Request, count: str | None = None) -> Response:
    """The same rows, all of them, as CSV."""
    engine = replica_of(request)
    outlook = find_outlook(engine, count)
    (rows,) = read(engine, "show_outstanding", outlook)
    counted = {"counted_at": outlook["counted_at"].astimezone(UTC).isoformat(timespec="seconds")}
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell((row | counted)[name]) for name in COLUMNS])
    headers = {"content-disposition": 'attachment; filename="outstanding-points.csv"'}
    return Response(file.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _cell(value: object) -> object:
    # A spreadsheet takes such a name for a formula.
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
