"""The style sheet and the script of the pages, by a route that is guarded like any other."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, HTTPException
from starlette.responses import FileResponse, Response

_FOLDER = Path(__file__).parent / "static"
_FILES = {file.name: file for file in _FOLDER.iterdir() if file.is_file()}
router = APIRouter()


@router.get("/static/{name}")
def show_file(name: str) -> Response:
    """Give one of the files that ship with the pages."""
    if name not in _FILES:
        raise HTTPException(404, "Not Found")
    return FileResponse(_FILES[name], headers={"Cache-Control": "private, max-age=300"})
