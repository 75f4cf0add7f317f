"""Checks templates before they are stored; see `trial`, which does it under limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace

from include.errors import TemplateError
from include.mail.formats import SUPPORTED_LANGUAGES
from include.mail.templates import DECLARED_VARIABLES, Template
from include.settings import PROJECT_ROOT

WALL_SECONDS_MAX = 30


def check_templates(templates: Sequence[Template]) -> list[Template]:
    """Return the templates as they may be stored, each page with its style sheet inlined.

    Raises:
        TemplateError: one of them may not be stored; a sentence that says why.
    """
    for template in templates:
        _require_known(template)
    answers = [json.loads(line) for line in _trial(templates).splitlines()]
    for answer in answers:
        if "refused" in answer:
            raise TemplateError(answer["refused"])
    if len(answers) < len(templates):
        raise TemplateError(
            f"{templates[len(answers)].title} cannot be used: trying it out takes too much time or "
            "memory."
        )
    return [
        replace(template, body_html=answer["body_html"])
        for template, answer in zip(templates, answers, strict=True)
    ]


def _require_known(template: Template) -> None:
    for kind, value, known in (
        ("event", template.code, tuple(DECLARED_VARIABLES)),
        ("language", template.language, SUPPORTED_LANGUAGES),
    ):
        if value not in known:
            raise TemplateError(f"There is no {kind} {value!r}; choose one of {', '.join(known)}.")


def _trial(templates: Sequence[Template]) -> str:
    """Return what the trial answered before it ended or was ended, whole lines only."""
    # Without the environment of this process: it may hold passwords.
    process = subprocess.Popen(
        [sys.executable, "-m", "include.mail.trial"],
        cwd=PROJECT_ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": str(PROJECT_ROOT), "PYTHONUTF8": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    given = json.dumps([asdict(template) for template in templates]).encode()
    try:
        answered, _ = process.communicate(given, timeout=WALL_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        answered, _ = process.communicate()
    return answered.decode().rpartition("\n")[0]
