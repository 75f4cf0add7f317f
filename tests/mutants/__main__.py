"""`make mutants`: applies the mutants one by one and tells which survive the machinery.

python -m tests.mutants [--histories N] [--blind] [NAME …]

Each is played against its own example, which `make test` keeps. With `--blind` it is played against
random histories alone, which know nothing of it.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Engine

from include.database import connect
from include.migrations import migrate
from tests.conftest import new_database, throw_away_server
from tests.model.histories import play
from tests.mutants.applying import failure, mutated_copy, pipeline_on
from tests.mutants.catalogue import EQUIVALENT, MUTANTS
from tests.mutants.mutant import Mutant
from tests.soak.figures import Figures

SCORE_MIN = 0.95
HISTORIES_AT_ONCE = 25


def killer(server: URL, mutant: Mutant, seeds: range, *, blind: bool) -> str | None:
    """Return what kills the mutant: its example or the seed of some histories; None: it lives."""
    with tempfile.TemporaryDirectory() as folder, pipeline_on(mutated_copy(mutant, Path(folder))):
        if not blind:
            with _migrated(server) as engine:
                return None if failure(mutant.example, engine) is None else "its example"
        for seed in seeds:
            with _migrated(server) as engine:
                if failure(lambda on, seed=seed: _played(on, seed), engine) is not None:
                    return f"histories of seed {seed}"
    return None


def _played(engine: Engine, seed: int) -> None:
    play(engine, seed, histories=HISTORIES_AT_ONCE)


@contextmanager
def _migrated(server: URL) -> Iterator[Engine]:
    with new_database(server) as url:
        engine = connect(url.render_as_string(hide_password=False))
        migrate(engine)
        try:
            yield engine
        finally:
            engine.dispose()


def soak(deadline: float, seed: int) -> Figures:
    """Apply mutants until `deadline`, starting at a place that the seed says."""
    tried, survivors = 0, []
    with throw_away_server() as server:
        for number in range(len(MUTANTS)):
            if time.monotonic() > deadline:
                break
            mutant = MUTANTS[(number + seed) % len(MUTANTS)]
            tried += 1
            if killer(server, mutant, range(0), blind=False) is None:
                survivors.append(f"{mutant.name} survives")
    return Figures("mutants killed", tried, tuple(survivors))


def main() -> int:
    arguments = _arguments()
    chosen = [each for each in MUTANTS if not arguments.names or each.name in arguments.names]
    logging.disable(logging.CRITICAL)
    os.environ.setdefault("LOYALTY_CHUNK_SIZE", "5")
    survivors = []
    with throw_away_server() as server:
        for mutant in chosen:
            started = time.monotonic()
            seeds = range(1, 1 + arguments.histories // HISTORIES_AT_ONCE)
            killed_by = killer(server, mutant, seeds, blind=arguments.blind)
            seconds = time.monotonic() - started
            print(f"{mutant.name:60} {killed_by or 'SURVIVES':24} {seconds:5.1f} s", flush=True)
            if killed_by is None:
                survivors.append(mutant.name)
    killed = len(chosen) - len(survivors)
    print(f"\n{killed} of {len(chosen)} mutants killed ({killed / len(chosen):.1%}); ", end="")
    print(f"{len(EQUIVALENT)} are equivalent. Survivors: {', '.join(survivors) or 'none'}.")
    return int(killed < SCORE_MIN * len(chosen) and not arguments.blind)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--histories", type=int, default=100, help="how many, with --blind")
    parser.add_argument("--blind", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
