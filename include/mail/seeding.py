"""Puts the project's own templates into the platform's table."""

from __future__ import annotations

import json

from sqlalchemy import Engine

from include.database import run_stage, transaction
from include.mail.shipped import shipped_templates
from include.mail.templates import DECLARED_VARIABLES


def seed_templates(engine: Engine) -> tuple[int, int]:
    """Add the templates that the platform lacks; return how many were added, how many kept."""
    shipped = list(shipped_templates().values())
    binds = {
        "codes": [template.code for template in shipped],
        "languages": [template.language for template in shipped],
        "subjects": [template.subject for template in shipped],
        "body_htmls": [template.body_html for template in shipped],
        "body_texts": [template.body_text for template in shipped],
        "variable_lists": [json.dumps(DECLARED_VARIABLES[each.code]) for each in shipped],
    }
    with transaction(engine) as connection:
        added = int(run_stage(connection, "seed_templates", binds)["templates_added"])
    return added, len(shipped) - added
