"""Turns rows into pages: the templates, their filters, and links that work behind a prefix."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from include.pages.security import COOKIE, form_token

HERE = Path(__file__).parent
NOTHING = "\N{EN DASH}"


def _number(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def _instant(value: datetime | None) -> str:
    return NOTHING if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _day(value: date | None) -> str:
    return NOTHING if value is None else value.isoformat()


def _duration(seconds: int | None) -> str:
    if seconds is None:
        return NOTHING
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _words(name: str | None) -> str:
    return NOTHING if name is None else name.removeprefix("loyalty_").replace("_", " ")


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {
    "number": _number,
    "instant": _instant,
    "day": _day,
    "duration": _duration,
    "words": _words,
    "segment": lambda text: quote(str(text), safe=":+"),
}


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return the page that a template makes of `values`.

    `root` is where the pages are mounted and `airflow` where Airflow is, both without a slash at
    the end, whatever prefix a proxy adds. `may_write` tells whether a form would be taken.
    """
    root = request.scope.get("root_path", "")
    token = form_token(request)
    text = _TEMPLATES.get_template(template).render(
        root=root,
        airflow=root.removesuffix(request.app.state.prefix),
        here=request.scope["path"].removeprefix(root),
        form_token=token,
        may_write=request.state.may_write,
        **values,
    )
    answer = HTMLResponse(text, status)
    if COOKIE not in request.cookies:
        is_https = request.url.scheme == "https"
        answer.set_cookie(
            COOKIE, token, path=root or "/", httponly=True, samesite="strict", secure=is_https
        )
    return answer
