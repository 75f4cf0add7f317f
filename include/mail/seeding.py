"""Puts the project's own templates into the platform's table."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Engine

from include.database import EDITOR, run_stage, transaction
from include.mail.checking import check_templates
from include.mail.shipped import shipped_templates
from include.mail.templates import DECLARED_VARIABLES


@dataclass(frozen=True)
class Seeded:
    """How many templates were added and updated, and which were kept because of an edit."""

    added: int
    updated: int
    kept: list[str]


def seed_templates(engine: Engine) -> Seeded:
    """Bring the platform's templates up to date; what an operator edited stays as it is.

    Raises:
        TemplateError: one of the project's own templates is broken; nothing was stored.
    """
    shipped = list(shipped_templates().values())
    check_templates(shipped)  # their style sheet is in their elements already
    binds = {
        "codes": [template.code for template in shipped],
        "languages": [template.language for template in shipped],
        "subjects": [template.subject for template in shipped],
        "body_htmls": [template.body_html for template in shipped],
        "body_texts": [template.body_text for template in shipped],
        "variable_lists": [json.dumps(DECLARED_VARIABLES[each.code]) for each in shipped],
    }
    with transaction(engine, role=EDITOR) as connection:
        done = run_stage(connection, "seed_templates", binds)
    return Seeded(
        added=int(done["templates_added"]),
        updated=int(done["templates_updated"]),
        kept=list(done["templates_kept"]),
    )
