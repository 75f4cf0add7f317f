"""Fill in templates that strangers wrote: sandboxed, and bounded in time and memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from include.errors import TemplateError
from include.mail.templates import Template, Unusable

Variables = Mapping[str, str | int]

SOURCE_CHARACTERS_MAX = 100_000
TAGS_MAX = 500
TOKENS_MAX = 8_000
FILTERS_NESTED_MAX = 8
RENDERED_CHARACTERS_MAX = 1_000_000
SUBJECT_CHARACTERS_MAX = 250

# The sandbox limits neither time nor memory (`'a' * 10**9`). Without loops, arithmetic, calls
# and assignments a template cannot do more work than it is long, so only these are let in.
_ALLOWED_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Filter,
    nodes.Test,
    nodes.Keyword,
)
_ALLOWED_FILTERS = (
    "capitalize",
    "default",
    "e",
    "escape",
    "int",
    "lower",
    "title",
    "trim",
    "upper",
)
_ALLOWED_TESTS = ("defined", "undefined", "eq", "ne", "lt", "le", "gt", "ge", "==", "!=")

# Control characters and every line break that Unicode or a mail server knows.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the customer reads: a subject of one line, and the same mail as text and as HTML."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class _Compiled:
    subject: jinja2.Template
    text: jinja2.Template
    html: jinja2.Template


class Renderer:
    """One sandbox with its compiled templates."""

    def __init__(self) -> None:
        self._environment = ImmutableSandboxedEnvironment(
            autoescape=lambda name: name == "body_html",
            undefined=jinja2.StrictUndefined,
        )
        _keep_only(self._environment.filters, _ALLOWED_FILTERS)
        _keep_only(self._environment.tests, _ALLOWED_TESTS)
        self._environment.globals.clear()
        self._compiled = lru_cache(maxsize=1024)(self._compile)

    def render(self, template: Template, variables: Variables) -> Rendered:
        """Return the mail.

        Raises:
            TemplateError: names the template, its store and the cause, never the variables.
        """
        return self._render(template, _clean(variables))

    def _render(self, template: Template, data: Variables) -> Rendered:
        try:
            compiled = self._compiled(template)
            if isinstance(compiled, str):
                raise Unusable(compiled)
            return Rendered(
                subject=_one_line(_fill(compiled.subject, data)),
                text=_fill(compiled.text, data),
                html=_fill(compiled.html, data),
            )
        except Unusable as cause:
            raise TemplateError(f"{template.title} cannot be used: {cause}") from None

    def render_first(
        self, candidates: Sequence[Template], variables: Variables
    ) -> tuple[Rendered, Template, list[TemplateError]]:
        """Return the mail of the first candidate that renders, and what was wrong before it.

        Raises:
            TemplateError: none of them renders, or there is none.
        """
        data = _clean(variables)  # first of all: a wrong variable is no template's fault
        errors: list[TemplateError] = []
        for template in candidates:
            try:
                return self._render(template, data), template, errors
            except TemplateError as error:
                errors.append(error)
        raise TemplateError(
            " ".join(map(str, errors)) or "There is no template; load the templates."
        )

    def names_in(self, template: Template) -> set[str]:
        """Return every variable that the template asks for, in whatever branch.

        Raises:
            Unusable: the template cannot be read.
        """
        parts = {
            "subject": template.subject,
            "body_text": template.body_text,
            "body_html": template.body_html,
        }
        return {
            name.name
            for part, source in parts.items()
            for name in self._tree(part, source).find_all(nodes.Name)
        }

    def may_break(self, subject: str) -> bool:
        """Tell whether a subject has a line break of its own, in whatever branch."""
        tree = self._tree("subject", subject)
        texts = [each.value for each in tree.find_all(nodes.Const)]
        texts += [each.data for each in tree.find_all(nodes.TemplateData)]
        return any(isinstance(text, str) and _BREAKS.search(text) for text in texts)

    def _compile(self, template: Template) -> _Compiled | str:
        # A broken template is remembered as its sentence: lru_cache forgets exceptions, and
        # compiling it anew for each mail would delay the other stores.
        try:
            return _Compiled(
                subject=self._part("subject", template.subject),
                text=self._part("body_text", template.body_text),
                html=self._part("body_html", template.body_html),
            )
        except Unusable as cause:
            return str(cause)

    def _part(self, name: str, source: str) -> jinja2.Template:
        tree = self._tree(name, source)
        with _blaming(name):
            code = self._environment.compile(tree, name)
        return jinja2.Template.from_code(self._environment, code, {})

    def _tree(self, name: str, source: str) -> nodes.Template:
        if len(source) > SOURCE_CHARACTERS_MAX:
            raise Unusable(f"{name} has more than {SOURCE_CHARACTERS_MAX:,} characters.")
        if source.count("{{") + source.count("{%") > TAGS_MAX:
            raise Unusable(f"{name} has more than {TAGS_MAX} tags.")
        with _blaming(name):
            # Reading is cheap, but a comparison of thousands takes the square of its length.
            if len(list(islice(self._environment.lex(source), TOKENS_MAX + 1))) > TOKENS_MAX:
                raise Unusable(f"{name} has more than {TOKENS_MAX:,} words and signs in its tags.")
            tree = self._environment.parse(source)
            _refuse_what_is_not_allowed(tree, name)
            _refuse_nested_filters(tree, name)
        return tree


@contextmanager
def _blaming(part: str) -> Iterator[None]:
    try:
        yield
    except Unusable:
        raise
    except jinja2.TemplateSyntaxError as error:
        raise Unusable(f"{part}, line {error.lineno}: {_short(error.message)}") from None
    except Exception as error:  # a stranger's code: whatever it sets off is its own fault
        kind = type(error).__name__
        raise Unusable(f"{part} is nested too deeply or unreadable ({kind}).") from None


def _keep_only(registry: dict[str, Any], names: Sequence[str]) -> None:
    for name in registry.keys() - set(names):
        del registry[name]


def _refuse_what_is_not_allowed(tree: nodes.Template, part: str) -> None:
    for node in chain([tree], tree.find_all(nodes.Node)):
        if not isinstance(node, _ALLOWED_NODES) or getattr(node, "name", "") == "self":
            kind = type(node).__name__.lower()
            raise Unusable(
                f"{part}, line {node.lineno or '?'}: mail templates print variables and choose with"
                f" 'if', nothing else ({kind} found)."
            )


def _refuse_nested_filters(tree: nodes.Template, part: str) -> None:
    # Escaping what was escaped grows a text each time: a chain of 200 took minutes.
    for node in tree.find_all(nodes.Filter):
        if len(list(islice(node.find_all(nodes.Filter), FILTERS_NESTED_MAX))) == FILTERS_NESTED_MAX:
            raise Unusable(
                f"{part}, line {node.lineno}: more than {FILTERS_NESTED_MAX} filters in one place."
            )


def _clean(variables: Variables) -> dict[str, str | int]:
    return {name: _clean_value(name, value) for name, value in variables.items()}


def _clean_value(name: str, value: str | int) -> str | int:
    # By exact type: a subclass of str may call itself safe HTML, a bool would print "True".
    if type(value) is int:
        return value
    if type(value) is not str:
        kind = type(value).__name__
        raise TemplateError(f"Variable {name} is a {kind}; mails take text and whole numbers only.")
    return _SURROGATES.sub("\ufffd", _BREAKS.sub(" ", value)).strip()


def _fill(template: jinja2.Template, data: Mapping[str, str | int]) -> str:
    try:
        text = _gather(template.generate(data))
        text.encode()  # a literal such as "\ud800" could not be sent
    except jinja2.UndefinedError as error:
        raise Unusable(f"{template.name}: {_short(error.message)}.") from None
    except Exception as error:  # again the template's fault; only the kind, as the text
        kind = type(error).__name__  # may quote the customer's data
        raise Unusable(f"{template.name} fails with a {kind}.") from None
    if not text.strip() or len(text) > RENDERED_CHARACTERS_MAX:
        raise Unusable(f"{template.name} is empty or beyond {RENDERED_CHARACTERS_MAX:,} letters.")
    return text


def _gather(pieces: Iterable[str]) -> str:
    # Stops at the first piece too many: the rest might not fit into memory.
    gathered: list[str] = []
    size = 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size > RENDERED_CHARACTERS_MAX:
            break
    return "".join(gathered)


def _one_line(subject: str) -> str:
    # Data has no line breaks any more, so this one is the template's own.
    subject = subject.strip(" ")
    if _BREAKS.search(subject):
        raise Unusable("subject holds a line break; write it on one line.")
    if len(subject) > SUBJECT_CHARACTERS_MAX:
        return subject[: SUBJECT_CHARACTERS_MAX - 1].rstrip() + "…"
    return subject


def _short(text: str | None) -> str:
    return _BREAKS.sub(" ", text or "unreadable")[:200]
