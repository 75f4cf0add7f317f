"""Stores templates that people wrote, checked: an operator's for the platform, or a store's own."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import Engine

from include.database import EDITOR, run_stage, transaction
from include.errors import TemplateError
from include.mail.checking import check_templates
from include.mail.rendering import SOURCE_CHARACTERS_MAX
from include.mail.templates import DECLARED_VARIABLES, Template

# Where the parts of a template stand in a folder.
PART_FILES = {"subject": "subject.j2", "body_html": "body.html.j2", "body_text": "body.txt.j2"}


def read_template(folder: Path, code: str, language: str, store_id: int | None) -> Template:
    """Return the template whose three parts are files of `folder`.

    Raises:
        TemplateError: a file is missing, no UTF-8 text, or far too large.
    """
    subject, body_html, body_text = (_read(folder / name) for name in PART_FILES.values())
    return Template(code, language, subject.removesuffix("\n"), body_html, body_text, store_id)


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > 4 * SOURCE_CHARACTERS_MAX:  # UTF-8 takes up to four bytes a letter
            raise TemplateError(f"{file} is larger than {SOURCE_CHARACTERS_MAX:,} characters.")
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TemplateError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise TemplateError(f"{file} is no UTF-8 text; save it as UTF-8.") from error


def store_template(engine: Engine, template: Template) -> None:
    """Check and store one template: the platform's, or an override if it has a store.

    Raises:
        TemplateError: it may not be stored, or there is no such store; nothing was changed.
    """
    (checked,) = check_templates([template])
    binds = asdict(checked) | {"variables": json.dumps(DECLARED_VARIABLES[checked.code])}
    with transaction(engine, role=EDITOR) as connection:
        if checked.store_id is None:
            run_stage(connection, "store_template", binds)
        elif not run_stage(connection, "store_override", binds)["overrides_stored"]:
            raise TemplateError(f"There is no store {checked.store_id}; nothing was stored.")
