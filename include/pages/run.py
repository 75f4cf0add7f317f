"""One run: its programs, cohorts, skips, files and mails; also as a tab of its DAG run."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from starlette.requests import Request
from starlette.responses import Response

from include.pages.drawing import draw
from include.pages.reading import BIGINT_MAX, read_page

router = APIRouter()


@router.get("/runs/{run_id}")
def show_run(request: Request, run_id: Annotated[int, Path(ge=1, le=BIGINT_MAX)]) -> Response:
    """Show one run by its number."""
    return _draw_run(request, run_id, attempts=[])


@router.get("/dag-runs/{dag_id}/{dag_run_id}")
def show_dag_run(request: Request, dag_id: str, dag_run_id: str) -> Response:
    """Show what a DAG run did, by its latest attempt."""
    # PostgreSQL's text holds no NUL.
    asked = {"dag_id": dag_id.replace("\0", ""), "dag_run_id": dag_run_id.replace("\0", "")}
    found = read_page(request, "show_dag_run", **asked)
    attempts = [row["id"] for row in found["list_attempts"]]
    if not attempts:
        return draw(request, "no_run.html")
    return _draw_run(request, attempts[0], attempts=attempts)


def _draw_run(request: Request, run_id: int, *, attempts: list[int]) -> Response:
    found = read_page(request, "show_run", run_id=run_id)
    if not found["read_run"]:
        raise HTTPException(404, f"There is no run {run_id}.")
    return draw(
        request,
        "run.html",
        run=found["read_run"][0],
        programs=found["list_programs"],
        skips=found["count_skips"],
        files=found["list_files"],
        mails=found["count_mails"],
        decisions=found["list_decisions"],
        attempts=attempts,
    )
