"""Reads docs/at-3-am.md: its sections, and in each the blocks marked `sh`, which a test executes.

The page tells its commands for one example night, so each of its dates stands for a distance from
that night's run.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "at-3-am.md"
LAST_NIGHT = date(2026, 11, 24)


def sections() -> dict[str, list[str]]:
    """Return the `sh` blocks of every section that has some, by its heading."""
    found = {}
    for section in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        if blocks := re.findall(r"^```sh\n(.*?)^```", body, flags=re.MULTILINE | re.DOTALL):
            found[heading] = blocks
    return found


def on(last_night: date, block: str) -> str:
    """Return a block with its dates moved, as it would be typed after another night's run."""

    def moved(example: re.Match[str]) -> str:
        return (last_night + (date.fromisoformat(example[0]) - LAST_NIGHT)).isoformat()

    # A run's id puts an underscore before its date, which is no end of a word.
    return re.sub(r"(?<!\d)20\d\d-\d\d-\d\d(?!\d)", moved, block)
