"""`make mutants`: applies the mutants one by one and tells which survive the machinery.

python -m tests.mutants [--tests | --blind] [--histories N] [NAME …]

Each meets its own example, which `make test` keeps; whatever survives that meets the project's
other tests, and then random histories. With `--tests` the examples are left out, and with `--blind`
all tests are: histories know nothing of any mutant.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Engine, NullPool, create_engine

from include.migrations import migrate
from tests.conftest import throw_away_server
from tests.databases import new_database
from tests.model.histories import play
from tests.mutants import asking
from tests.mutants.applying import failure, mutated_copy, pipeline_on
from tests.mutants.catalogue import EQUIVALENT, MUTANTS
from tests.mutants.mutant import Mutant
from tests.soak.figures import Figures

SCORE_MIN = 0.95
HISTORIES_AT_ONCE = 25
# Asked about a mutant and its copy of sql/: what killed it, None where it lives.
Killer = Callable[[Mutant, Path], str | None]


def by_example(server: URL) -> Killer:
    """Kill by the mutant's own example."""

    def kill(mutant: Mutant, root: Path) -> str | None:
        with pipeline_on(root), _migrated(server) as engine:
            return None if failure(mutant.example, engine) is None else "its example"

    return kill


def by_tests(server: URL, left_out: list[str]) -> Killer:
    """Kill by the first of the project's tests that fails."""

    def kill(mutant: Mutant, root: Path) -> str | None:
        return asking.first_failure(root, server, mutant.stage, left_out)

    return kill


def by_histories(server: URL, histories: int) -> Killer:
    """Kill by random histories that end otherwise than the model's."""

    def kill(mutant: Mutant, root: Path) -> str | None:
        for seed in range(1, 1 + histories // HISTORIES_AT_ONCE):
            with pipeline_on(root), _migrated(server) as engine:
                if failure(lambda on, seed=seed: _played(on, seed), engine) is not None:
                    return f"histories of seed {seed}"
        return None

    return kill


def _played(engine: Engine, seed: int) -> None:
    play(engine, seed, histories=HISTORIES_AT_ONCE)


@contextmanager
def _migrated(server: URL) -> Iterator[Engine]:
    with new_database(server) as url:
        # Without a pool: a forked process must not inherit a session.
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
        migrate(engine)
        try:
            yield engine
        finally:
            engine.dispose()


def killed_by(mutant: Mutant, killers: list[Killer]) -> str | None:
    """Return what kills the mutant first; None where it survives them all."""
    with tempfile.TemporaryDirectory() as folder:
        root = mutated_copy(mutant, Path(folder))
        answers = (kill(mutant, root) for kill in killers)
        return next((answer for answer in answers if answer), None)


def soak(deadline: float, seed: int) -> Figures:
    """Apply mutants until `deadline`, starting at a place that the seed says."""
    tried, survivors = 0, []
    with throw_away_server() as server:
        for number in range(len(MUTANTS)):
            if time.monotonic() > deadline:
                break
            mutant = MUTANTS[(number + seed) % len(MUTANTS)]
            tried += 1
            if killed_by(mutant, [by_example(server)]) is None:
                survivors.append(f"{mutant.name} survives")
    return Figures("mutants killed", tried, tuple(survivors))


def main() -> int:
    arguments = _arguments()
    unknown = set(arguments.names) - {each.name for each in MUTANTS}
    if unknown:
        print(f"There is no mutant {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    chosen = [each for each in MUTANTS if not arguments.names or each.name in arguments.names]
    logging.disable(logging.CRITICAL)
    os.environ.setdefault("LOYALTY_CHUNK_SIZE", "5")
    with throw_away_server() as server:
        survivors = _survivors(chosen, _killers(server, arguments))
    killed = len(chosen) - len(survivors)
    print(f"\n{killed} of {len(chosen)} mutants killed ({killed / len(chosen):.1%}); ", end="")
    print(f"{len(EQUIVALENT)} are equivalent. Survivors: {', '.join(survivors) or 'none'}.")
    return int(killed < SCORE_MIN * len(chosen) and not arguments.blind)


def _killers(server: URL, arguments: argparse.Namespace) -> list[Killer]:
    histories = by_histories(server, arguments.histories)
    if arguments.blind:
        return [histories]
    if arguments.tests:
        return [by_tests(server, _failing_already(server)), histories]
    return [by_example(server), by_tests(server, []), histories]


def _failing_already(server: URL) -> list[str]:
    """Return the tests that fail on the true SQL, and say so: their word counts for nothing."""
    with tempfile.TemporaryDirectory() as folder:
        failing = asking.failures(mutated_copy(None, Path(folder)), server)
    for test in failing:
        print(f"{test} fails on the true SQL and is left out.", flush=True)
    return failing


def _survivors(mutants: list[Mutant], killers: list[Killer]) -> list[str]:
    survivors = []
    for mutant in mutants:
        started = time.monotonic()
        killer = killed_by(mutant, killers)
        seconds = time.monotonic() - started
        print(f"{mutant.name:50} {seconds:6.1f} s  {killer or 'SURVIVES'}", flush=True)
        if killer is None:
            survivors.append(mutant.name)
    return survivors


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make mutants", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--histories", type=int, default=100, help="how many a survivor meets")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--tests", action="store_true", help="the project's tests, no examples")
    only.add_argument("--blind", action="store_true", help="random histories alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
