"""A mutant: one small wrong version of the SQL, and the example that tells it apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

# Plays a scene on an empty, migrated database; raises where the SQL behaves wrongly.
Example = Callable[[Engine], None]


@dataclass(frozen=True)
class Mutant:
    """In `file` below `sql/`, `text`, which stands there once, becomes `wrong`.

    `also` holds further replacements in the same file, where one alone would not run.
    """

    name: str
    file: str
    text: str
    wrong: str
    why: str
    example: Example
    also: tuple[tuple[str, str], ...] = ()

    @property
    def replacements(self) -> tuple[tuple[str, str], ...]:
        """All pairs of right text and wrong text."""
        return ((self.text, self.wrong), *self.also)

    @property
    def stage(self) -> str:
        """The folder below `sql/`."""
        return self.file.split("/")[0]


@dataclass(frozen=True)
class Equivalent:
    """A wrong-looking version that nobody can tell from the right one, for the `reason` given."""

    name: str
    file: str
    text: str
    wrong: str
    reason: str
