"""Dates and numbers in the form that readers of each language expect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from babel import Locale, dates, numbers

SUPPORTED_LANGUAGES = ("en", "fr", "de", "lb")

# The readers live in Luxembourg: French there groups thousands with a point, not a narrow space.
_LOCALES = {
    language: Locale.parse(name)
    for language, name in zip(SUPPORTED_LANGUAGES, ("en_GB", "fr_LU", "de_LU", "lb"), strict=True)
}


@lru_cache(maxsize=4096)
def format_date(day: date, language: str) -> str:
    """Return the day in long form, "20 November 2026"; an unknown language reads as English.

    The template look-up ends in English too, so a mail never mixes two languages.
    """
    text: str = dates.format_date(day, "long", locale=_locale(language))
    if language == "fr" and day.day == 1:
        return f"1er{text.removeprefix('1')}"  # French says "premier", which CLDR leaves out
    return text


@lru_cache(maxsize=4096)
def format_points(points: int, language: str) -> str:
    """Return a number of points with its thousands grouped, "12,345"."""
    text: str = numbers.format_decimal(points, locale=_locale(language))
    return text


def format_figures(figures: Mapping[str, Any], language: str) -> dict[str, str | int]:
    """Return a mail's stored figures as templates print them: plain text and whole numbers only.

    Raises:
        ValueError: the expiration date is none.
    """
    # By exact type: true and false are no numbers here.
    values: dict[str, str | int] = {
        name: value for name, value in figures.items() if type(value) in (str, int)
    }
    points = values.get("points")
    if isinstance(points, int):
        values |= {"points_count": points, "points": format_points(points, language)}
    if "expiration_date" in values:
        day = date.fromisoformat(str(values["expiration_date"]))
        values["expiration_date"] = format_date(day, language)
    return values


def _locale(language: str) -> Locale:
    return _LOCALES.get(language, _LOCALES["en"])
