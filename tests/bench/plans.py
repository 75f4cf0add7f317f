"""Writes down how PostgreSQL carries out the hot statements of a day, small and large.

    python -m tests.bench.plans [CARDS] > docs/plans.md

The same cohorts are warned, expired, exported, mailed and proven on CARDS and on ten times as many
cards; the pages touched show that a day costs what its cohorts cost.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from include.cohort_files import export
from include.cohorts import Kind, carry_out, select_cohort
from include.database import statements
from include.forecasts import keep_forecast, keep_outlook
from include.lifecycle import DagRun, queue_events
from include.mail.outbox import (
    BATCH_SIZE_MAX,
    HANDFUL_MAX,
    Result,
    claim,
    count_due,
    forget_erased,
    hand_over,
    open_sender,
    record,
    recover,
)
from include.prepared import forms_of, is_marked
from include.reconcile import reconcile
from include.runs import close_run
from include.settings import SQL_ROOT
from include.size_check import check_size
from tests.bench.expiry import open_run
from tests.bench.pages import give_past
from tests.bench.place import AS_OF, Place, Size, open_place
from tests.day import KINDS

COHORT = 2_000
# What touches fewer pages, wherever it is run, is not hot.
PAGES_MIN = 100
# What runs once a day, after or before the work; of these the table tells enough.
ONCE = ("open_run/", "read_report/", "checks/", "close_run/")
Plans = dict[str, "Plan"]
_BY_INDEX = r"(?:Index (?:Only )?Scan (?:Backward )?using|Bitmap Index Scan on) (\w+)"


def main() -> int:
    """Print a table that compares the platforms, and the whole plans below."""
    cards = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    platforms = (cards, 10 * cards)
    with tempfile.TemporaryDirectory(prefix="loyalty-plans-") as folder:
        Path(folder).chmod(0o755)
        with open_place(Path(folder) / "postgres") as place:
            small, large = (
                plans_of_a_day(place, Size(total, COHORT, COHORT)) for total in platforms
            )
    hot = [name for name in large if max(small[name].pages, large[name].pages) >= PAGES_MIN]
    print(_HEAD.format(cohort=COHORT, least=PAGES_MIN, small=platforms[0], large=platforms[1]))
    for name in hot:
        print(_line(name, small[name], large[name]))
    for name in hot:
        if name.startswith(ONCE):
            continue
        print(f"\n## {name}")
        for total, plans in zip(platforms, (small, large), strict=True):
            print(_WHOLE.format(total=total, text=plans[name].text))
    return 0


_HEAD = """# Plans of a day

Made by `.venv/bin/python -m tests.bench.plans`; what they show is told in
[benchmarks](benchmarks.md#cost-follows-the-cohort). {cohort:,} cards are warned and {cohort:,}
expire on platforms with a past of ninety runs; every statement that touches {least} pages of 8 KB
or more is here. Of what runs chunk by chunk or batch by batch, the last one is shown; of what runs
once a day the lighter ones have a line alone. Each is carried out twice in a savepoint and taken
back before it counts, so that the later ones also step over rows that were never there.

| statement | {small:,} cards: ms | pages | {large:,} cards: ms | pages | read by |
|---|---|---|---|---|---|"""
_WHOLE = """
<details><summary>{total:,} cards</summary>

```
{text}
```

</details>"""


@dataclass(frozen=True)
class Plan:
    """How one statement was carried out, as PostgreSQL tells it."""

    text: str

    @property
    def milliseconds(self) -> float:
        return float(re.findall(r"Execution Time: ([\d.]+) ms", self.text)[0])

    @property
    def pages(self) -> int:
        # The first line about buffers is of the whole statement.
        told = re.search(r"Buffers: shared(.*)", self.text)
        found = re.findall(r"(?:hit|read)=(\d+)", told[1]) if told else []
        return sum(map(int, found))

    @property
    def rows(self) -> float:
        """How many rows its steps returned or threw away, all loops together."""
        handled, loops = 0.0, 0
        for line in self.text.splitlines():
            if step := re.search(r"rows=([\d.]+) loops=(\d+)", line):
                loops = int(step[2])
                handled += float(step[1]) * loops
            elif removed := re.search(r"Rows Removed by .*: (\d+)", line):
                handled += int(removed[1]) * loops
        return handled

    @property
    def reads(self) -> str:
        by_index = re.findall(_BY_INDEX, self.run)
        whole = re.findall(r"Seq Scan on (\w+)", self.run)
        names = {*by_index, *(f"all of {table}" for table in whole)}
        return ", ".join(f"`{name}`" for name in sorted(names)) or "nothing"

    @property
    def run(self) -> str:
        """The lines that were carried out."""
        return "\n".join(line for line in self.text.splitlines() if "(never executed)" not in line)


def _line(name: str, small: Plan, large: Plan) -> str:
    figures = [f"{plan.milliseconds:.1f} | {plan.pages:,}" for plan in (small, large)]
    return f"| `{name}` | {' | '.join(figures)} | {large.reads} |"


def plans_of_a_day(place: Place, size: Size) -> Plans:
    """Return the plans of a day on a platform with a past, in the order of the day."""
    with place.copy(place.filled(size)) as engine:
        give_past(engine)
        with explained(engine) as plans:
            _day(engine)
            return plans


def _day(engine: Engine) -> None:
    run_id = open_run(engine)
    with tempfile.TemporaryDirectory() as root:
        for kind in KINDS:
            select_cohort(engine, run_id, kind)
            if kind == "expiry":
                check_size(engine, run_id)
            carry_out(engine, run_id, kind)
            if kind != "reinstatement":
                export(engine, Path(root), run_id, kind)
                _query_part(engine, run_id, kind)
    _send(engine)
    reconcile(engine, run_id)
    close_run(engine, run_id)
    keep_forecast(engine, run_id)
    keep_outlook(engine, run_id)
    queue_events(engine, DagRun("bench", "events"))


def _send(engine: Engine) -> None:
    recover(engine, AS_OF)
    forget_erased(engine)
    count_due(engine, AS_OF)
    with open_sender(engine) as sender:
        named_ids: list[int] | None = None
        for _ in range(3):
            claimed = claim(sender, sent_at=AS_OF, named_ids=named_ids)
            mails = claimed.mails[:HANDFUL_MAX]
            # The next batch is one that a file names, of the mails that were queued last.
            named_ids = _queued_last(engine)
            hand_over(sender, {mail.id: f"<{mail.id}@loyalty.example>" for mail in mails}, AS_OF)
            record(sender, [Result(mail.id, "sent", None, mail.email) for mail in mails], AS_OF)


def _queued_last(engine: Engine) -> list[int]:
    statement = f"""
        select id from loyalty.email_logs where status = 'queued'
        order by id desc limit {BATCH_SIZE_MAX}
    """
    with engine.connect() as connection:
        return list(connection.exec_driver_sql(statement).scalars())


def _query_part(engine: Engine, run_id: int, kind: Kind) -> None:
    """Ask what a file's COPY asks, which cannot be explained itself."""
    bounds = {"first_card_id": 0, "last_card_id": 2**63 - 1}
    with engine.connect() as connection:
        connection.exec_driver_sql(
            _inner(*statements("copy_file_part")), {"run_id": run_id, "kind": kind} | bounds
        )


def _inner(copy: str) -> str:
    return copy.partition("copy (")[2].rpartition(") to stdout")[0]


@contextmanager
def explained(engine: Engine) -> Iterator[Plans]:
    """Explain every statement of `sql/` that the engine carries out, just before it does."""
    names = {text: name for name, text in files()}
    plans: Plans = {}

    def explain(connection: Connection, cursor: Any, statement: str, binds: Any, *_: Any) -> None:
        # What a sender asks beside its transactions is not hot, and could not be taken back.
        is_alone = cursor.connection.autocommit
        if (name := names.get(statement)) and not is_alone and _is_explainable(statement):
            is_named = "named_ids" in statement and binds["named_ids"]
            named = ", named mails" if is_named else ""
            plans[name + named] = _plan(connection, statement, binds)

    event.listen(engine, "before_cursor_execute", explain)
    yield plans
    event.remove(engine, "before_cursor_execute", explain)


def files() -> Iterator[tuple[str, str]]:
    for folder in SQL_ROOT.iterdir():
        if folder.is_dir() and any(folder.glob("*.sql")):
            for number, statement in enumerate(statements(folder.name), start=1):
                yield f"{folder.name}/{number:02d}", _inner(statement) or statement


def _is_explainable(statement: str) -> bool:
    code = re.sub(r"^\s*--.*\n", "", statement, flags=re.MULTILINE)
    return code.split(None, 1)[0] in ("select", "with", "insert", "update", "delete")


def _plan(connection: Connection, statement: str, binds: dict[str, Any]) -> Plan:
    explained = statement
    if is_marked(statement):
        # As a session executes it: prepared, with a plan that knows no values.
        forms = forms_of(statement)
        explained = forms.execution.replace("execute ", "execute explained_", 1)
        definition = forms.definition.replace("prepare ", "prepare explained_", 1)
        connection.exec_driver_sql(definition, execution_options={"no_parameters": True})
        binds = {key: _as_text(bind) for key, bind in binds.items()}
    for _ in range(2):  # The first time warms the caches.
        lines = _explain(connection, explained, binds)
    if is_marked(statement):
        connection.exec_driver_sql(f"deallocate explained_{forms.name}")
    return Plan("\n".join(lines))


def _explain(connection: Connection, statement: str, binds: dict[str, Any]) -> list[str]:
    savepoint = connection.begin_nested()
    explain = "explain (analyze, buffers, costs off) "
    told = list(connection.exec_driver_sql(explain + statement, binds).scalars())
    savepoint.rollback()
    return told


def _as_text(bind: Any) -> Any:
    return "{" + ",".join(map(str, bind)) + "}" if isinstance(bind, list) else bind


if __name__ == "__main__":
    sys.exit(main())
