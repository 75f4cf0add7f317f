"""The web application that a plugin mounts into Airflow's api-server."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from include.errors import LoyaltyError
from include.pages import card, files, overview, run
from include.pages.drawing import draw
from include.pages.safety import GuardedAnswers

log = logging.getLogger(__name__)


def build_app(find_engine: Callable[[], Engine], guard: Callable[..., Any]) -> FastAPI:
    """Return the application; `guard` is the dependency that refuses who may not read.

    The guard belongs to the application, so that a route added later is closed as well. The
    generated pages about the API are off, because they would be routes without it.
    """
    app = FastAPI(
        title="Points expiration",
        dependencies=[Depends(guard)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.find_engine = find_engine
    for module in (overview, run, card, files):
        app.include_router(module.router)
    app.add_exception_handler(LoyaltyError, _unavailable)
    app.add_exception_handler(OperationalError, _unavailable)
    app.add_exception_handler(404, _missing)
    app.add_middleware(GuardedAnswers)
    return app


def _unavailable(request: Request, error: Exception) -> Response:
    # Its text may name hosts and users; the log is for those who may read them.
    log.error("A page could not be shown: %s", error)
    return draw(request, "unavailable.html", status=503)


def _missing(request: Request, error: Exception) -> Response:
    sentence = error.detail if isinstance(error, HTTPException) else "Not Found"
    return draw(request, "missing.html", status=404, sentence=sentence)
