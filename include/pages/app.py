"""The web app behind the pages; knows Airflow only by what it is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response
from psycopg2.errors import QueryCanceled, SerializationFailure
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from include.errors import LoyaltyError
from include.pages import mail_templates, outstanding, proof
from include.pages.reading import PAGE
from include.pages.rendering import page
from include.pages.routes import router
from include.pages.security import Access, SafeHeaders, gate


def make_app(
    access: Access,
    find_engine: Callable[[], Engine],
    *,
    prefix: str,
    open_root: Callable[[str], Any] = Path,
    find_replica: Callable[[], Engine] | None = None,
) -> FastAPI:
    """Return the app; every route, also one added later, stands behind `access`.

    `prefix` is where Airflow mounts it; what precedes it in an address is Airflow's own.
    `open_root` makes a path of the place where cohort files are, a folder or an object store.
    `find_replica` returns what the pages read that may count every card; without it, the database
    itself.
    """
    app = FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, dependencies=[Depends(gate(access))]
    )
    app.state.find_engine = find_engine
    app.state.find_replica = find_replica or find_engine
    app.state.prefix = prefix
    app.state.open_root = open_root
    app.add_middleware(SafeHeaders)
    app.add_exception_handler(LoyaltyError, _tell)
    app.add_exception_handler(OperationalError, _tell_timeout)
    app.include_router(router)
    app.include_router(mail_templates.router)
    app.include_router(outstanding.router)
    app.include_router(proof.router)
    return app


def _tell(request: Request, error: Exception) -> Response:
    return page(request, "missing.html", status=503, sentence=str(error))


def _tell_timeout(request: Request, error: Exception) -> Response:
    cause = error.orig if isinstance(error, OperationalError) else None
    if isinstance(cause, SerializationFailure):
        sentence = (
            "The read replica gave way to what it replays from the primary. Load the page again."
        )
        return page(request, "missing.html", status=503, sentence=sentence)
    if not isinstance(cause, QueryCanceled):
        raise error
    sentence = (
        f"The database did not answer within {PAGE.statement_timeout}: it is busy, or the platform "
        "is too large to be read at once. What the last run counted needs no such reading."
    )
    return page(request, "missing.html", status=503, sentence=sentence)
