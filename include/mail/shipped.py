"""The project's own templates: one layout for all, and the words of each event and language."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jinja2

from include.mail.formats import SUPPORTED_LANGUAGES
from include.mail.inlining import inline_css
from include.mail.templates import DECLARED_VARIABLES, PLATFORM_EVENTS, Template

_PLATFORM = Path(__file__).parent / "platform"
_TONES = {"loyalty_points_expiring": "urgent", "loyalty_points_expired": "calm"}

# Its tags are [[ … ]] and [% … %], so that {{ … }} and {% … %} stay for each customer's mail.
_PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_PLATFORM),
    variable_start_string="[[",
    variable_end_string="]]",
    block_start_string="[%",
    block_end_string="%]",
    comment_start_string="[#",
    comment_end_string="#]",
    trim_blocks=True,
    autoescape=False,  # noqa: S701 - it lays out templates, which escape the customer's data
    undefined=jinja2.StrictUndefined,
)


@cache
def shipped_templates() -> Mapping[tuple[str, str], Template]:
    """Return the platform's templates by code and language; read once, not to be changed."""
    return MappingProxyType(
        {
            (code, language): _laid_out(code, language)
            for code in PLATFORM_EVENTS
            for language in SUPPORTED_LANGUAGES
        }
    )


@cache
def spare_templates() -> tuple[Template, ...]:
    """Return templates for the events that `make templates` leaves to those who want them."""
    return tuple(
        _laid_out(code, language)
        for code in DECLARED_VARIABLES
        if code not in PLATFORM_EVENTS
        for language in SUPPORTED_LANGUAGES
    )


def _laid_out(code: str, language: str) -> Template:
    words = _words("words", language) | _words(code, language)
    words |= {"language": language, "tone": _TONES.get(code, "glad"), "details": _details(words)}
    words["style"] = (_PLATFORM / "layout.css").read_text(encoding="utf-8").rstrip()
    html = _PAGES.get_template("layout.html").render(words)
    # The text is the same words without their emphasis.
    text = re.sub(r"</?strong>", "", _PAGES.get_template("layout.txt").render(words))
    return Template(code, language, words["subject"], inline_css(html), text)


def _words(folder: str, language: str) -> dict[str, Any]:
    return tomllib.loads((_PLATFORM / folder / f"{language}.toml").read_text(encoding="utf-8"))


def _details(words: dict[str, Any]) -> list[tuple[str, str, str]]:
    # What a mail shows in large need not stand below in small once more.
    shown = {value for _, value in words["facts"]}
    details = [(name, words[name], f"{{{{ {name} }}}}") for name in ("card_number", "store_name")]
    return [detail for detail in details if detail[2] not in shown]
