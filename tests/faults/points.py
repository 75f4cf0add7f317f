"""The points of a task at which a fault can strike: its statements, commits and mail commands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from include.settings import SQL_ROOT

Moment = Literal["before", "sent"]
COPY = "copy_file_part/01_copy_part"
MAIL_ANSWER = "mail server's answer"
# No statements, so that their bytes cannot go out without their end.
UNSENDABLE = (COPY, MAIL_ANSWER)


@dataclass(frozen=True)
class Stop:
    """Where a task stops: at the `number`-th point whose label begins with `label`.

    `before` is before the statement goes out. `sent` is after its bytes went out and before a byte
    of the answer was read, so that the server carries it out although its client is gone.
    """

    number: int
    label: str = ""
    moment: Moment = "before"


@dataclass
class Counter:
    """Counts the points a task passes, and knows at which of them it has to stop."""

    stops: tuple[Stop, ...]
    passed: list[str]

    def stop_at(self, label: str) -> Stop | None:
        """Note a point; return the stop that is to be made there, if any."""
        self.passed.append(label)
        for stop in self.stops:
            alike = [each for each in self.passed if each.startswith(stop.label)]
            if label.startswith(stop.label) and len(alike) == stop.number:
                return stop
        return None


def label_of(statement: str) -> str | None:
    """Return the name of a statement of the project, as `stage/NN_name`; None for any other."""
    return _labels().get(statement)


def is_deed(label: str) -> bool:
    """Tell whether a statement writes rows or takes locks; a kill around others changes nothing."""
    if label == COPY:
        return True
    statement = next((text for text, name in _labels().items() if name == label), "")
    return (
        re.search(
            r"^\s*(insert into|update|delete from|for update)\b|advisory_(xact_)?lock\(",
            statement,
            re.MULTILINE,
        )
        is not None
    )


@cache
def _labels() -> dict[str, str]:
    files = (file for file in SQL_ROOT.glob("*/*.sql") if file.parent.name != "migrations")
    return {
        file.read_text(encoding="utf-8"): f"{file.parent.name}/{file.stem}"
        for file in sorted(files)
    }
