"""Random histories until a deadline, two hundred at a time on a fresh database.

python -m tests.model.soak SECONDS [SEED]
"""

from __future__ import annotations

import logging
import os
import sys
import time
from itertools import count

from sqlalchemy import create_engine

from include.database import connect
from include.migrations import migrate
from tests.conftest import throw_away_server
from tests.databases import new_database
from tests.model.histories import play
from tests.soak.figures import Figures

HISTORIES_AT_ONCE = 200
STEPS = 12
VIOLATIONS_MAX = 5


def soak(deadline: float, seed: int) -> Figures:
    """Play until `deadline` (of the monotonic clock); each two hundred have a seed of its own."""
    os.environ.setdefault("LOYALTY_CHUNK_SIZE", "50")
    logging.disable(logging.WARNING)
    tried, found = 0, []
    with throw_away_server() as server, new_database(server) as template:
        engine = create_engine(template)
        migrate(engine)
        engine.dispose()
        for number in count(seed * 1_000_000):
            if time.monotonic() > deadline or len(found) >= VIOLATIONS_MAX:
                break
            with new_database(template, template=template.database) as url:
                engine = connect(url.render_as_string(hide_password=False))
                try:
                    play(engine, number, histories=HISTORIES_AT_ONCE, steps=STEPS)
                except AssertionError as difference:
                    found.append(str(difference))
                finally:
                    engine.dispose()
            tried += HISTORIES_AT_ONCE
    return Figures("random histories", tried, tuple(found))


if __name__ == "__main__":
    seconds, *seeds = map(int, sys.argv[1:] or ("60",))
    started = time.monotonic()
    figures = soak(started + seconds, *seeds or (1,))
    print(f"{figures.tried:,} histories in {time.monotonic() - started:,.0f} s")
    print("\n".join(figures.violations))
    sys.exit(bool(figures.violations))
