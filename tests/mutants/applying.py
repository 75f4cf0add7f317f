"""Applies a mutant to a copy of `sql/`, points the pipeline at it, and plays an example.

The work tree is never touched.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from include import database, migrations, reconcile
from include.errors import LoyaltyError
from include.settings import PROJECT_ROOT
from tests.mutants.mutant import Equivalent, Example, Mutant

SQL = PROJECT_ROOT / "sql"
MIGRATIONS = "migrations"
# SQLSTATE class 42: the statement itself is wrong. A right that is missing is no such mistake.
STATEMENT_IS_WRONG = "42"
INSUFFICIENT_PRIVILEGE = "42501"


def occurrences(mutant: Mutant | Equivalent) -> list[int]:
    """Return how often each text to be replaced stands in its file; each should stand once."""
    sql = (SQL / mutant.file).read_text(encoding="utf-8")
    replacements = mutant.replacements if isinstance(mutant, Mutant) else [(mutant.text, "")]
    return [sql.count(text) for text, _ in replacements]


def mutated_copy(mutant: Mutant | None, folder: Path) -> Path:
    """Copy `sql/` into `folder` with the mutant applied; None copies it as it is."""
    copy = folder / "sql"
    shutil.copytree(SQL, copy, ignore=shutil.ignore_patterns("__pycache__"))
    if mutant:
        file = copy / mutant.file
        sql = file.read_text(encoding="utf-8")
        for text, wrong in mutant.replacements:
            sql = sql.replace(text, wrong)
        file.write_text(sql, encoding="utf-8")
    return copy


@contextmanager
def pipeline_on(root: Path) -> Iterator[None]:
    """Let the pipeline of this process read its SQL below `root`."""
    before = database.SQL_ROOT
    _point_at(root)
    try:
        yield
    finally:
        _point_at(before)


def _point_at(root: Path) -> None:
    database.SQL_ROOT = reconcile.SQL_ROOT = root
    migrations.MIGRATIONS = root / MIGRATIONS
    database.statements.cache_clear()


def failure(example: Example, engine: Engine) -> Exception | None:
    """Play an example; return how it was refuted, None where it holds.

    Raises:
        Exception: the statement cannot even run, or the example itself is broken; a mutant that
            causes this is a defect of the catalogue.
    """
    with _environment_restored():
        try:
            example(engine)
        except (AssertionError, LoyaltyError) as refutation:
            return refutation
        except DBAPIError as refusal:
            state = getattr(refusal.orig, "pgcode", None) or STATEMENT_IS_WRONG
            if state.startswith(STATEMENT_IS_WRONG) and state != INSUFFICIENT_PRIVILEGE:
                raise
            return refusal
    return None


@contextmanager
def _environment_restored() -> Iterator[None]:
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
