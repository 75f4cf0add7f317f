"""Writes down how PostgreSQL carries out the hot statements, on a small and a large platform.

    python -m tests.bench.plans [CARDS] > plans.md

The same cohort is selected and its first chunk carried out on CARDS and on ten times as many
cards; the buffers show that the cost follows the cohort.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from include.cohorts import WHOLE
from include.database import statements
from tests.bench.expiry import open_run
from tests.bench.place import AS_OF, Place, Size, open_place

COHORT = 2_000
CHUNK = {"run_id": None, "booked_at": AS_OF, "chunk_size": 1000, **vars(WHOLE)}
STAGES = {
    "warning": ("select_warnings", "list_chunks", "lock_chunk", "queue_warnings"),
    "expiry": ("select_expiry", "list_chunks", "lock_chunk", "expire_points"),
}
TEMPLATE = "| `{stage}/{number:02d}` | {ms:.1f} | {buffers:,} | {reads} |"


def main() -> int:
    """Print one table per platform and kind, with the whole plans below."""
    cards = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="loyalty-plans-") as folder:
        Path(folder).chmod(0o755)
        with open_place(Path(folder) / "postgres") as place:
            for total in (cards, 10 * cards):
                _tell(place, total)
    return 0


def _tell(place: Place, total: int) -> None:
    engine = place.engine(place.filled(Size(total, COHORT, COHORT)))
    for kind, stages in STAGES.items():
        for _ in range(2):  # the first time warms the caches
            with engine.connect() as connection:
                run_id = open_run(engine, f"plans of {kind}")
                binds = CHUNK | {"run_id": run_id, "kind": kind}
                lines = list(_explained(connection, stages, binds))
                connection.rollback()
        print(f"\n### {kind}, {total:,} cards\n")
        print("| statement | ms | buffers | read by |\n|---|---|---|---|")
        print("\n".join(lines), flush=True)
    engine.dispose()


def _explained(
    connection: Connection, stages: tuple[str, ...], binds: dict[str, Any]
) -> Iterator[str]:
    for stage in stages:
        for number, statement in enumerate(statements(stage), start=1):
            yield TEMPLATE.format(stage=stage, number=number, **_plan(connection, statement, binds))
            result = connection.exec_driver_sql(statement, binds)
            if result.returns_rows:
                binds |= dict(result.mappings().one())
        if stage == "list_chunks":
            binds["last_card_id"] = binds["last_card_ids"][0]


def _plan(connection: Connection, statement: str, binds: dict[str, Any]) -> dict[str, Any]:
    explain = "explain (analyze, buffers, format json) "
    savepoint = connection.begin_nested()
    told = connection.exec_driver_sql(explain + statement, binds).scalar_one()
    savepoint.rollback()
    (plan,) = json.loads(told) if isinstance(told, str) else told
    root = plan["Plan"]
    return {
        "ms": plan["Execution Time"],
        "buffers": root["Shared Hit Blocks"] + root["Shared Read Blocks"],
        "reads": ", ".join(sorted(set(_reads(root)))) or "nothing",
    }


def _reads(node: dict[str, Any]) -> Iterator[str]:
    if "Relation Name" in node and "Scan" in node["Node Type"]:
        where = node.get("Index Name") or f"all of {node['Relation Name']}"
        if node.get("Actual Loops"):
            yield f"`{where}`"
    if node["Node Type"] == "Bitmap Index Scan":
        yield f"`{node['Index Name']}`"
    for below in node.get("Plans", ()):
        yield from _reads(below)


if __name__ == "__main__":
    sys.exit(main())
