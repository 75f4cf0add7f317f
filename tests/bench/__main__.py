"""`make bench`: what a day costs, as ratios of medians that were measured in turn.

python -m tests.bench [--cards 1000000] [--rounds 5] [--only expiry,tills] [--json FILE] [--check]
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.bench import (
    day,
    expiry,
    export,
    imports,
    lifecycle,
    mail,
    pages,
    scaling,
    scheduler,
    selection,
    tills,
    tuning,
)
from tests.bench.figures import Figure, unmeasured
from tests.bench.place import Place, open_place

PARTS: dict[str, Callable[..., list[Figure]]] = {
    "expiry": expiry.figures,
    # Early: a replica copies every platform that is there.
    "scaling": scaling.figures,
    "tuning": tuning.figures,
    "selection": selection.figures,
    "tills": tills.figures,
    "export": export.figures,
    "day": day.figures,
    "lifecycle": lifecycle.figures,
    "mail": mail.figures,
    "imports": imports.figures,
    "scheduler": scheduler.figures,
    "pages": pages.figures,
}


def main() -> int:
    """Measure what was asked for; with --check a missed target is a failure."""
    asked = _arguments()
    logging.disable(logging.WARNING)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="loyalty-bench-", dir=asked.folder) as folder:
        Path(folder).chmod(0o755)
        with open_place(Path(folder) / "postgres") as place:
            made = _measured(place, asked, console)
    console.print(_table(made))
    if asked.json:
        document = [asdict(figure) | {"is_met": figure.is_met} for figure in made]
        file = Path(asked.json)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    missed = [figure.name for figure in made if not figure.is_met]
    if missed:
        console.print(f"Missed: {'; '.join(missed)}.")
    return int(bool(missed) and asked.check)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--cards", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, by name")
    parser.add_argument("--json", help="a file for the figures")
    parser.add_argument("--folder", help="where the databases lie, some 30 GB for all parts")
    parser.add_argument("--check", action="store_true", help="fail where a target is missed")
    asked = parser.parse_args()
    asked.only = asked.only.split(",")
    if unknown := set(asked.only) - set(PARTS):
        parser.error(f"There is no part {', '.join(unknown)}; there are {', '.join(PARTS)}.")
    return asked


def _measured(place: Place, asked: argparse.Namespace, console: Console) -> list[Figure]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    made: list[Figure] = []
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task("", total=len(asked.only))
        for name in asked.only:
            progress.update(bar, description=name)
            try:
                made += PARTS[name](place, cards=asked.cards, rounds=asked.rounds)
            except Exception as error:  # What was measured before it is kept.
                made.append(unmeasured(name, note=f"failed: {error}"))
            progress.advance(bar)
    return made


def _table(made: list[Figure]) -> Table:
    table = Table("figure", "measured", "spread", "target", "", title="Medians, measured in turn")
    for figure in made:
        target = "" if figure.target is None else f"{figure.sense} {figure.target:g}"
        told = f"{figure.name}\n[dim]{figure.note}" if figure.note else figure.name
        table.add_row(
            told,
            f"{figure.value:.3g} {figure.unit}",
            f"{figure.low:.3g} - {figure.high:.3g}",
            target,
            _verdict(figure),
        )
    return table


def _verdict(figure: Figure) -> str:
    if not figure.is_met:
        return "MISSED"
    return "" if figure.target is None else "ok"


if __name__ == "__main__":
    # By its import path, so that spawned processes find the functions.
    from tests.bench.__main__ import main as imported_main

    sys.exit(imported_main())
