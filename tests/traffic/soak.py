"""Days of the pipeline while tills earn and redeem on the same cards, for as long as one likes.

python -m tests.traffic.soak SECONDS [SEED]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url

from include.database import connect
from include.embedded import postgres
from include.migrations import migrate
from tests.soak.figures import Figures
from tests.traffic.town import Town, populated


def soak(deadline: float, seed: int) -> Figures:
    """Run days under traffic until `deadline` (of `time.monotonic`); counts the tills' sales."""
    with _database() as url:
        town = Town(url, populated(url), seed)
        with town.trading():
            while time.monotonic() < deadline:
                town.spend_day()
            report = town.report
    print(report)
    return Figures("traffic", report.sales, tuple(town.violations))


@contextmanager
def _database() -> Iterator[URL]:
    with tempfile.TemporaryDirectory(prefix="loyalty-traffic-") as folder:
        home = Path(folder) / "postgres"
        try:
            url = make_url(postgres.start(home, durable=False).url("postgres"))
            engine = connect(url.render_as_string(hide_password=False))
            migrate(engine)
            engine.dispose()
            yield url
        finally:
            postgres.remove(home)


if __name__ == "__main__":
    seconds, chosen = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    figures = soak(time.monotonic() + seconds, chosen)
    print(f"{figures.tried:6} sales, {len(figures.violations)} violations")
    print("\n".join(figures.violations))
    sys.exit(bool(figures.violations))
