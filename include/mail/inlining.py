"""Moves a page's style sheet into its elements, as many mail programs read no style sheet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

import css_inline
import jinja2

from include.mail.templates import Unusable

_JINJA = jinja2.Environment(autoescape=True)
# What HTML reads as plain text up to its end tag, comments, and tags with their quoted values.
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(style|title|script|textarea)\b.*?(?:</\1\s*>|\Z)"
    r"|<[a-zA-Z/!](?:\"[^\"]*\"|'[^']*'|[^>\"'])*(?:>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_BODY = re.compile("<body", re.IGNORECASE)
_MARK = re.compile('(?:<!--)?\ue000([0-9]+)\ue001(?:-->)?(=")?')


def inline_css(source: str) -> str:
    """Return a page, a template still, whose style sheet stands in its elements' own `style`.

    Rules for widths and dark mode (`@media`) stay where they are: they cannot be inlined.

    Raises:
        Unusable: a template tag stands where the page could not keep it.
    """
    if "\ue000" in source or "\ue001" in source:
        raise Unusable("body_html holds characters of the private use area.")
    tags: list[str] = []
    marked = _marked(source, tags)
    if not _BODY.search(marked):  # else the mark of a first tag would be taken for a part of <head>
        marked = f"<!DOCTYPE html><html><head></head><body>{marked}</body></html>"
    try:
        inlined = _INLINER.inline(marked)
    except ValueError as error:
        raise Unusable(f"body_html has a style sheet that cannot be read: {error}") from None
    return _unmarked(inlined, tags)


# Nothing is fetched, neither from the network nor from a file of this machine.
_INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def _marked(source: str, tags: list[str]) -> str:
    """Return the page with a mark for each template tag; `tags` takes what they stand for."""
    bare = "".join(_with_marks(source, tags))
    if any("\ue000" in each[0] for each in _MARKUP.finditer(bare) if _is_style(each)):
        raise Unusable("body_html holds a template tag inside <style>; put it into an element.")
    # In running text a mark is a comment, which may stand anywhere, between rows of a table too.
    pieces, end = [], 0
    for found in _MARKUP.finditer(bare):
        pieces += [_MARK.sub(r"<!--\g<0>-->", bare[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*pieces, _MARK.sub(r"<!--\g<0>-->", bare[end:])])


def _with_marks(source: str, tags: list[str]) -> Iterator[str]:
    try:
        tokens = list(_JINJA.lex(source))
    except jinja2.TemplateSyntaxError as error:
        raise Unusable(f"body_html, line {error.lineno}: {error.message}") from None
    for is_text, group in groupby(tokens, key=lambda token: token[1] == "data"):
        piece = "".join(value for _, _, value in group)
        if is_text:
            yield piece
        else:
            yield f"\ue000{len(tags)}\ue001"
            tags.append(piece)


def _is_style(found: re.Match[str]) -> bool:
    return (found[1] or "").lower() == "style"


def _unmarked(inlined: str, tags: list[str]) -> str:
    found = [(int(mark[1]), mark[2]) for mark in _MARK.finditer(inlined)]
    if any(bare for _, bare in found):
        raise Unusable(
            "body_html holds a template tag among the attributes of an element; put it into a "
            "quoted value or into the text."
        )
    if [number for number, _ in found] != list(range(len(tags))):
        raise Unusable("body_html holds a template tag where HTML allows no text; move it.")
    return _MARK.sub(lambda mark: tags[int(mark[1])], inlined)
