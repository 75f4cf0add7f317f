"""Dates and numbers in the form that readers of each language expect."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

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


def _locale(language: str) -> Locale:
    return _LOCALES.get(language, _LOCALES["en"])
