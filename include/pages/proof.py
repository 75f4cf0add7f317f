"""A run's proof, asked again: books by program, every check, the checksums of its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from include.cohort_files import Part, read_parts
from include.errors import CohortFileError
from include.pages.reading import PAGE, Rows, as_id, engine_of, read
from include.pages.rendering import page
from include.reconcile import judge
from include.settings import cohort_root

router = APIRouter()
PARTS_MAX = 200


@dataclass(frozen=True)
class File:
    """One kind's files; `trouble` says why there are no parts to show."""

    kind: str
    manifest_sha256: str
    parts: tuple[Part, ...] = ()
    trouble: str | None = None


@router.get("/runs/{run_id}/proof")
def proof(request: Request, run_id: str) -> HTMLResponse:
    """Prove a run again, from what the database and the files hold now."""
    engine = engine_of(request)
    binds = {"run_id": as_id(run_id) or 0, "dag_id": None, "dag_run_id": None}
    ((*found,),) = read(engine, "find_shown_run", binds)
    if not found:
        return page(request, "missing.html", status=404, sentence="There is no such run.")
    run = found[0]
    programs, exports = read(engine, "show_proof", {"run_id": run["id"]})
    return page(
        request,
        "proof.html",
        run=run,
        programs=programs,
        verdicts=judge(engine, run["id"], PAGE),
        files=_files(request.app.state.open_root, run["id"], exports),
        parts_max=PARTS_MAX,
    )


def _files(open_root: Any, run_id: int, exports: Rows) -> list[File]:
    return [
        _file(open_root, run_id, export["kind"], export["manifest_sha256"]) for export in exports
    ]


def _file(open_root: Any, run_id: int, kind: str, sha256: str) -> File:
    try:
        return File(kind, sha256, read_parts(open_root(cohort_root()), run_id, kind, sha256))
    except CohortFileError:
        return File(kind, sha256, trouble="The manifest is gone, or it is not the one written.")
    # Each object store has errors of its own; without its files the page still has its proof.
    except Exception as error:
        name = type(error).__name__
        return File(kind, sha256, trouble=f"The web server cannot reach the files ({name}).")
