"""Puts rows into pages: the templates, and how figures, instants and durations are written."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

NONE = "\u2013"


def draw(request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
    """Return the page that the template `name` makes of `values`.

    Its links are relative to the page, so that it works behind any path prefix.
    """
    root = root_of(request)
    text = _TEMPLATES.get_template(name).render(values, root=root, airflow=f"{root}../")
    return HTMLResponse(text.encode("utf-8", "replace"), status)


def root_of(request: Request) -> str:
    """Return the relative address of the first page, as seen from the page asked for."""
    prefix = request.scope.get("root_path", "")
    depth = request.scope["path"].removeprefix(prefix).lstrip("/").count("/")
    return "../" * depth or "./"


def write_number(number: int | None) -> str:
    """Write 1234567 as 1,234,567, nothing as a dash."""
    return NONE if number is None else f"{number:,}"


def write_instant(instant: datetime | None) -> str:
    """Write an instant to the minute, in UTC."""
    return NONE if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"


def write_date(day: date | None) -> str:
    """Write a date as its ISO form, nothing as a dash."""
    return NONE if day is None else day.isoformat()


def write_duration(seconds: int | None) -> str:
    """Write seconds as a person would say them."""
    if seconds is None:
        return NONE
    minutes, rest = divmod(max(0, seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def write_words(name: str | None) -> str:
    """Write a name of the database (`came_back`) as words, nothing as a dash."""
    return NONE if name is None else name.replace("_", " ")


def write_numbers(numbers: list[int] | None) -> str:
    """Write a list of numbers, nothing as a dash."""
    return ", ".join(map(str, numbers or [])) or NONE


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {
    "number": write_number,
    "instant": write_instant,
    "date": write_date,
    "duration": write_duration,
    "words": write_words,
    "numbers": write_numbers,
    # Unlike jinja's own filter this leaves no slash: a run's id is one part of an address.
    "part": lambda text: quote(str(text), safe=""),
}
