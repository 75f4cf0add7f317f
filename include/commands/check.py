"""`make check`: non-zero and a sentence where no run closed lately, or something is stuck."""

from __future__ import annotations

import sys

from include.commands.database import loyalty_engine
from include.commands.entry import run_command
from include.health import find_troubles


def main() -> int:
    troubles = find_troubles(loyalty_engine())
    for trouble in troubles:
        print(trouble.sentence, file=sys.stderr)
    if not troubles:
        print("All is well.")
    return 1 if troubles else 0


if __name__ == "__main__":
    run_command(main)
