"""How long a scheduler takes to read the DAG files, beyond Airflow itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial

from include.settings import PROJECT_ROOT
from tests.bench.figures import Figure, measure, single
from tests.bench.place import Place

AIRFLOW = "import airflow.sdk"
DAGS = f"""{AIRFLOW}
import runpy, sys
for file in sys.argv[1:]:
    runpy.run_path(file)
"""


def figures(place: Place, *, cards: int, rounds: int) -> list[Figure]:
    """Import Airflow's SDK with and without the DAG files, in fresh processes."""
    del place, cards
    ways = {"bare": partial(_seconds, AIRFLOW), "dags": partial(_seconds, DAGS)}
    measure(ways, 1)
    samples = measure(ways, 2 * rounds)
    more = [dags - bare for dags, bare in zip(samples["dags"], samples["bare"], strict=True)]
    return [single("importing the DAG files, over airflow.sdk", more, "s", target=0.5)]


def _seconds(script: str) -> float:
    files = sorted(map(str, (PROJECT_ROOT / "dags").glob("*.py")))
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", script, *files],
        check=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started
