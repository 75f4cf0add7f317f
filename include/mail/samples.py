"""Values to try templates with: ordinary ones to look at, the longest and the emptiest to check."""

from __future__ import annotations

from typing import Any

from include.mail.formats import format_figures
from include.mail.templates import DECLARED_VARIABLES, NAME_VARIABLES

_ORDINARY: dict[str, Any] = {
    "customer_first_name": "Zoé",
    "program_name": "Boulangerie Bonus",
    "merchant_name": "Boulangerie Schmit",
    "store_name": "Schmit Kirchberg",
    "card_number": "LU-0042-1187",
    "points": 1250,
    "expiration_date": "2026-11-30",
    "days_remaining": 14,
    "inactivity_days": 365,
    "stamps": 10,
    "stamps_target": 10,
}
_ONE = {"points": 1, "days_remaining": 1, "inactivity_days": 1, "stamps": 1, "stamps_target": 1}
# Every name long enough to wrap anywhere, with what HTML, headers and mail programs stumble over.
_LONG_NAME = (
    "Maximiliane-Alexandra “Lexi” O\u2019Neill & Söhne <b>Ëmmer</b> 👩\u200d👧 שלום "
    "Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüssel"
)
_LONGEST: dict[str, Any] = dict.fromkeys(NAME_VARIABLES, _LONG_NAME) | {
    "points": 9_223_372_036_854_775_807,
    "expiration_date": "9999-09-30",
    "days_remaining": 2_147_483_647,
    "inactivity_days": 2_147_483_647,
    "stamps": 2_147_483_647,
    "stamps_target": 2_147_483_647,
}
_EMPTIEST: dict[str, Any] = dict.fromkeys(NAME_VARIABLES, "") | {
    "points": 0,
    "expiration_date": "0001-01-01",
    "days_remaining": 0,
    "inactivity_days": 0,
    "stamps": 0,
    "stamps_target": 0,
}

SAMPLES: dict[str, dict[str, Any]] = {
    "ordinary": _ORDINARY,
    "one": _ORDINARY | _ONE,
    "longest": _LONGEST,
    "emptiest": _EMPTIEST,
}


def sample(name: str, code: str, language: str) -> dict[str, str | int]:
    """Return what a mail of that event would be filled with: the declared variables, no more."""
    values = format_figures(SAMPLES[name], language)
    return {variable: values[variable] for variable in DECLARED_VARIABLES[code]}
