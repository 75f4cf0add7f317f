"""The first page: the last runs, the last days, and what needs a person."""

from __future__ import annotations

from collections import defaultdict

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from include.pages.chart import make_chart
from include.pages.drawing import draw
from include.pages.reading import Row, read_now, read_page

RUNS_MAX, DAYS_MAX = 30, 90
# By trouble: what it is called, and what to do about it.
TROUBLES = {
    "held": (
        "Held by the size check",
        "Open the run of loyalty_held_expirations and answer under Required Actions.",
    ),
    "unknown_time_zone": (
        "Unknown time zone",
        "Set time_zone of the program to a name PostgreSQL knows, like Europe/Luxembourg.",
    ),
    "mails_failing": (
        "Mails fail or wait",
        "Look at the errors on the run's page; `make settle` settles those that may have arrived.",
    ),
    "settings_changed": (
        "Settings changed",
        "Make sure that the change was meant; the next run goes by the new settings.",
    ),
    "cards_without_activity": (
        "Cards without an activity date",
        "Their points never expire. Let the application fill last_activity_at.",
    ),
    "stages_cut": (
        "Warning stages cut",
        "A stage is not shorter than the points live. Correct warning_days of the program.",
    ),
}
router = APIRouter()


@router.get("/")
def show_overview(request: Request) -> Response:
    """Show what happened lately and what needs a person."""
    now = read_now(request)
    found = read_page(request, "show_overview", now_at=now, runs_max=RUNS_MAX, days_max=DAYS_MAX)
    days = found["count_days"]
    return draw(
        request,
        "overview.html",
        now=now,
        runs=found["list_runs"],
        mails=mails_by_run(found["count_mails"]),
        days=days,
        charts=(
            make_chart("Points expired", "expired", days, "points_expired"),
            make_chart("Points warned about", "warned", days, "points_warned"),
        ),
        troubles=found["list_troubled_programs"],
        words=TROUBLES,
    )


def mails_by_run(rows: list[Row]) -> dict[int, dict[str, int]]:
    """Return how many mails of each status every run has."""
    counted: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for row in rows:
        counted[row["run_id"]][row["status"]] = row["mails_total"]
    return dict(counted)
