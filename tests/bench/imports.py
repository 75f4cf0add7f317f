"""How long a scheduler takes to read the DAG files, beyond Airflow itself."""

from __future__ import annotations

import os
import subprocess
import sys

from include.settings import PROJECT_ROOT
from tests.bench.figures import Figure, measure, single
from tests.bench.place import Place

SCRIPT = """import airflow.sdk
import runpy, sys, time
started = time.perf_counter()
for file in sys.argv[1:]:
    runpy.run_path(file)
print(time.perf_counter() - started)
"""


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Import the DAG files in fresh processes that have imported Airflow's SDK already."""
    del place, cards
    ways = {"dags": _seconds}
    measure(ways, 1)
    samples = measure(ways, 2 * rounds)
    return [single("importing the DAG files, over airflow.sdk", samples["dags"], "s", target=0.5)]


def _seconds() -> float:
    files = sorted(map(str, (PROJECT_ROOT / "dags").glob("*.py")))
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT, *files],
        check=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return float(told.splitlines()[-1])
