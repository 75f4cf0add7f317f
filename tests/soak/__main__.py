"""`make soak`: histories, faults, traffic and mutants for as long as one likes.

python -m tests.soak [--minutes N] [--seed S]
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time

import tests.faults.soak
import tests.model.soak
import tests.mutants.__main__
import tests.traffic.soak

# Each part gets its share of the time.
PARTS = (
    (tests.model.soak.soak, 0.45),
    (tests.faults.soak.soak, 0.35),
    (tests.traffic.soak.soak, 0.1),
    (tests.mutants.__main__.soak, 0.1),
)
OWN_VARIABLES = ("AIRFLOW_CONN_", "LOYALTY_")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(OWN_VARIABLES)]:
        del os.environ[name]
    logging.disable(logging.WARNING)
    violations: list[str] = []
    for part, share in PARTS:
        started = time.monotonic()
        figures = part(started + share * arguments.minutes * 60, arguments.seed)
        seconds = time.monotonic() - started
        print(
            f"{figures.name:20} {figures.tried:8,} in {seconds:6,.0f} s, "
            f"{len(figures.violations)} violations",
            flush=True,
        )
        violations += figures.violations
    print(f"\nseed {arguments.seed}: {len(violations)} violations", *violations, sep="\n")
    return int(bool(violations))


if __name__ == "__main__":
    sys.exit(main())
