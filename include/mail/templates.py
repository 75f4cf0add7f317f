"""The mail templates: those shipped with the project, and where a mail looks for its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from include.mail.formats import SUPPORTED_LANGUAGES

_PLATFORM = Path(__file__).parent / "platform"

_CARD_VARIABLES = (
    "customer_first_name",
    "program_name",
    "merchant_name",
    "store_name",
    "card_number",
    "points",
    "points_count",
    "expiration_date",
)

DECLARED_VARIABLES: dict[str, tuple[str, ...]] = {
    "loyalty_points_expiring": (*_CARD_VARIABLES, "days_remaining"),
    "loyalty_points_expired": (*_CARD_VARIABLES, "inactivity_days"),
}


@dataclass(frozen=True, slots=True)
class Template:
    """One mail in one language, as Jinja sources; `store_id` is None for the platform's own."""

    code: str
    language: str
    subject: str
    body_html: str
    body_text: str
    store_id: int | None = None


@cache
def shipped_templates() -> Mapping[tuple[str, str], Template]:
    """Return the project's own templates by code and language; read once, not to be changed."""
    return MappingProxyType(
        {
            (code, language): _read(code, language)
            for code in DECLARED_VARIABLES
            for language in SUPPORTED_LANGUAGES
        }
    )


def _read(code: str, language: str) -> Template:
    folder = _PLATFORM / code / language
    subject, html, text = (
        (folder / name).read_text(encoding="utf-8")
        for name in ("subject.j2", "body.html.j2", "body.txt.j2")
    )
    return Template(code, language, subject.removesuffix("\n"), html, text)


class TemplateBook:
    """The templates of the platform and of the stores, in the order in which a mail tries them."""

    def __init__(self, templates: Iterable[Template]) -> None:
        """Take the platform's templates and the stores' active overrides, in any order."""
        self._templates = {(each.store_id, each.code, each.language): each for each in templates}

    def candidates(self, code: str, language: str, store_id: int | None) -> list[Template]:
        """Return what may serve, best first; empty where not even English has the code."""
        keys = (
            (owner, code, tried)
            for tried in _languages(language)
            for owner in dict.fromkeys((store_id, None))
        )
        return [self._templates[key] for key in keys if key in self._templates]


def _languages(language: str) -> Iterable[str]:
    # Luxembourgish readers all read French; not all of them read English.
    fallbacks = ("fr", "en") if language == "lb" else ("en",)
    return dict.fromkeys((language, *fallbacks))
