"""Tries templates out in a process of its own, under limits: what a stranger wrote runs here first.

Reads a JSON list of templates, and answers each with one line of JSON: the page with its style
sheet inlined, or the sentence that says why the template is refused.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import replace

from include.errors import TemplateError
from include.mail.formats import SUPPORTED_LANGUAGES
from include.mail.inlining import inline_css
from include.mail.rendering import Renderer
from include.mail.samples import SAMPLES, sample
from include.mail.templates import DECLARED_VARIABLES, Template, Unusable

CPU_SECONDS_MAX = 5
MEMORY_BYTES_MAX = 512 * 1024 * 1024


def try_out(template: Template, renderer: Renderer) -> Template:
    """Return the template as it may be stored.

    Raises:
        TemplateError: it may not; the sentence names the template and the cause.
    """
    try:
        _refuse_undeclared(renderer.names_in(template), template.code)
        if renderer.may_break(template.subject):
            raise Unusable("subject holds a line break; write it on one line.")
        inlined = replace(template, body_html=inline_css(template.body_html))
    except Unusable as cause:
        raise TemplateError(f"{template.title} cannot be used: {cause}") from None
    for language in SUPPORTED_LANGUAGES:
        for name in SAMPLES:
            renderer.render(inlined, sample(name, template.code, language))
    return inlined


def _refuse_undeclared(names: set[str], code: str) -> None:
    declared = DECLARED_VARIABLES[code]
    if undeclared := sorted(names - set(declared)):
        raise Unusable(
            f"it asks for {', '.join(undeclared)[:200]}; mails of this event have "
            f"{', '.join(declared)}."
        )


def limit() -> None:
    """Limit this process: what exceeds the limits ends it, or becomes a MemoryError."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Answer the templates on standard input."""
    limit()
    renderer = Renderer()
    for fields in json.load(sys.stdin):
        try:
            answer = {"body_html": try_out(Template(**fields), renderer).body_html}
        except TemplateError as error:
            answer = {"refused": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
