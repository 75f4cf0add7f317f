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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from include.cohorts import WHOLE
from include.database import CHUNK as CHUNK_LIMITS
from include.database import HOLDING, SELECTION, is_left_out, run_stage, statements
from include.prepared import forms_of, is_marked
from tests.bench.expiry import open_run
from tests.bench.place import AS_OF, Place, Size, open_place

COHORT = 2_000
CHUNK = {"run_id": None, "booked_at": AS_OF, "chunk_size": 1000, **vars(WHOLE)}
STAGES = {
    "warning": ("select_warnings", "list_chunks", "lock_chunk", "queue_warnings"),
    "expiry": ("select_expiry", "list_chunks", "lock_chunk", "expire_points"),
}
LIMITS = {
    "select_warnings": SELECTION,
    "select_expiry": SELECTION,
    "list_chunks": SELECTION,
    "lock_chunk": CHUNK_LIMITS,
    "queue_warnings": HOLDING,
    "expire_points": HOLDING,
}
TEMPLATE = "| `{name}` | {ms:.1f} | {buffers:,} | {reads} |"


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
                plans = list(_explained(connection, stages, binds))
                connection.rollback()
        print(f"\n## {kind}, {total:,} cards\n")
        print("| statement | ms | buffers | read by |\n|---|---|---|---|")
        print("\n".join(plan.line() for plan in plans))
        for plan in plans:
            print(
                f"\n<details><summary>{plan.name}</summary>\n\n```\n{plan.text}\n```\n\n</details>"
            )
    engine.dispose()


@dataclass(frozen=True)
class Plan:
    """How one statement was carried out: as PostgreSQL tells it to people, and to programs."""

    name: str
    text: str
    told: dict[str, Any]

    def line(self) -> str:
        root = self.told["Plan"]
        return TEMPLATE.format(
            name=self.name,
            ms=self.told["Execution Time"],
            buffers=root["Shared Hit Blocks"] + root["Shared Read Blocks"],
            reads=", ".join(sorted(set(_reads(root)))) or "nothing",
        )


def _explained(
    connection: Connection, stages: tuple[str, ...], binds: dict[str, Any]
) -> Iterator[Plan]:
    for stage in stages:
        run_stage(connection, "limit_session", vars(LIMITS[stage]))
        for number, statement in enumerate(statements(stage), start=1):
            if is_left_out(statement, binds):
                continue
            yield _plan(connection, f"{stage}/{number:02d}", statement, binds)
            result = connection.exec_driver_sql(statement, binds)
            if result.returns_rows:
                binds |= dict(result.mappings().one())
        if stage == "list_chunks":
            binds["last_card_id"] = binds["last_card_ids"][0]


def _plan(connection: Connection, name: str, statement: str, binds: dict[str, Any]) -> Plan:
    explained = statement
    if is_marked(statement):
        # As a session executes it: prepared, with a plan that knows no values.
        forms = forms_of(statement)
        explained = forms.execution.replace("execute ", "execute explained_", 1)
        definition = forms.definition.replace("prepare ", "prepare explained_", 1)
        connection.exec_driver_sql(definition, execution_options={"no_parameters": True})
        binds = {key: _as_text(bind) for key, bind in binds.items()}
    lines = _explain(connection, "explain (analyze, buffers, costs off) ", explained, binds)
    (told,) = _explain(connection, "explain (analyze, buffers, format json) ", explained, binds)
    if is_marked(statement):
        connection.exec_driver_sql(f"deallocate explained_{forms.name}")
    (plan,) = json.loads(told) if isinstance(told, str) else told
    return Plan(name, "\n".join(lines), plan)


def _explain(
    connection: Connection, explain: str, statement: str, binds: dict[str, Any]
) -> list[Any]:
    savepoint = connection.begin_nested()
    told = list(connection.exec_driver_sql(explain + statement, binds).scalars())
    savepoint.rollback()
    return told


def _as_text(bind: Any) -> Any:
    return "{" + ",".join(map(str, bind)) + "}" if isinstance(bind, list) else bind


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
