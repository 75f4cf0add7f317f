"""What docs/at-3-am.md says of the rest of the project is so."""

from __future__ import annotations

import re
from datetime import date

from tests.scheduler.page import PAGE, on

ROOT = PAGE.parents[1]


def anchor(heading: str) -> str:
    """Return the name by which GitHub links to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGE.read_text(encoding="utf-8")):
        file, _, wanted = target.partition("#")
        text = ((PAGE.parent / file) if file else PAGE).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
        assert wanted in map(anchor, headings), target


def test_every_trouble_that_a_check_names_is_explained():
    query = (ROOT / "sql/check_health/01_find_troubles.sql").read_text(encoding="utf-8")
    sentences = re.findall(
        r"'(?:%%s )?((?:No run|program|mail)[^']+?)(?: \(the last one: %%s\))?\.'", query
    )
    assert len(sentences) == 5
    table = PAGE.read_text(encoding="utf-8").rpartition("\n## ")[2]
    for sentence in sentences:
        assert f"| `{sentence}` |" in table


def test_every_date_of_a_block_is_moved_also_within_a_runs_id():
    block = (
        "--run-id scheduled__2026-11-24T02:00:00+00:00 --from-date 2026-11-17 --to 2026-11-21T23:59"
    )
    assert on(date(2027, 1, 2), block) == (
        "--run-id scheduled__2027-01-02T02:00:00+00:00 --from-date 2026-12-26 --to 2026-12-30T23:59"
    )
