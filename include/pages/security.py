"""What every request of the pages passes: who asks, what they may do, where the form came from."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "loyalty_form_token"
FIELD = "form_token"
READING = ("GET", "HEAD")

# The one style sheet that Observable Plot puts into a chart; any other is refused.
_CHART_STYLE = "sha256-+TfQir1nvDucAdvE6XUQBt4ayUjpAWkbw2kCdSfekHM="

_HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'self' '{_CHART_STYLE}'; script-src 'self'; "
        "img-src 'self'; form-action 'self'; base-uri 'none'; frame-src 'self'; "
        "frame-ancestors 'self'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Access:
    """How Airflow knows its users: `user` raises 401 without one, `permit` 403 for a method."""

    user: Callable[[Request], Awaitable[Any]]
    permit: Callable[[Any, Request, str], None]


def gate(access: Access) -> Callable[[Request], Awaitable[None]]:
    """Return the dependency of the whole app: routes added later pass it too."""

    async def pass_gate(request: Request) -> None:
        user = await access.user(request)
        # For a page that would show a form; Airflow may ask its database.
        request.state.may_write = partial(_may_write, access, user, request)
        if request.method in READING:
            await run_in_threadpool(access.permit, user, request, "GET")
            return
        await run_in_threadpool(access.permit, user, request, "PUT")
        await _require_own_form(request)

    return pass_gate


def _may_write(access: Access, user: Any, request: Request) -> bool:
    try:
        access.permit(user, request, "PUT")
    except HTTPException:
        return False
    return True


async def _require_own_form(request: Request) -> None:
    origin = request.headers.get("origin")
    # A browser names the origin of every form it posts; one that is told "null" hides it.
    if not origin or urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "The form was not sent from this site.")
    given = str((await request.form()).get(FIELD) or "")
    kept = request.cookies.get(COOKIE) or ""
    if not kept or not secrets.compare_digest(given.encode(), kept.encode()):
        raise HTTPException(403, "The form is too old; open the page again and repeat.")


def form_token(request: Request) -> str:
    """Return the token that the forms of this browser carry, a new one if it has none."""
    return request.cookies.get(COOKIE) or secrets.token_urlsafe(24)


class SafeHeaders:
    """Puts the headers that keep a page to itself on every answer, refusals too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_safely)
