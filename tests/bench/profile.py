"""Tells where the time of one expiry goes, by one connection.

    python -m tests.bench.profile [CARDS]

One card in twenty expires. Statements are timed as the client sees them; what their foreign keys
take is PostgreSQL's own word about the last chunk of another such expiry.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from tests.bench import expiry
from tests.bench.place import Place, Size, open_place
from tests.bench.plans import Plan, explained, files

BOOKING = "expire_points/01"
_KEYS = r"Trigger for constraint \w+ on \w+: time=([\d.]+)"


def main() -> int:
    """Print the share of each statement, and what the foreign keys take of booking."""
    cards = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="loyalty-profile-") as folder:
        Path(folder).chmod(0o755)
        with open_place(Path(folder) / "postgres") as place:
            size = Size(cards, cards // 20)
            total, seconds = _by_statement(place, size)
            booking = _booking(place, size)
    print(f"{size.due_total:,} of {cards:,} cards expire in {total:.2f} s, by one connection\n")
    print("| statement | share |\n|---|---|")
    for name, taken in seconds.most_common():
        if taken > total / 200:
            print(f"| `{name}` | {taken / total:.1%} |")
    print(f"| Python, the way to the server, commits | {1 - seconds.total() / total:.1%} |")
    keys = sum(map(float, re.findall(_KEYS, booking.text)))
    print(f"\nForeign keys take {keys / booking.milliseconds:.0%} of `{BOOKING}`.")
    return 0


def _by_statement(place: Place, size: Size) -> tuple[float, Counter[str]]:
    with place.copy(place.filled(size)) as engine:
        run_id = expiry.open_run(engine)
        with _timed(engine) as seconds:
            started = time.perf_counter()
            expiry.expire(engine, run_id, connections=1)
            return time.perf_counter() - started, seconds


def _booking(place: Place, size: Size) -> Plan:
    with place.copy(place.filled(size)) as engine:
        run_id = expiry.open_run(engine)
        with explained(engine) as plans:
            expiry.expire(engine, run_id, connections=1)
            return plans[BOOKING]


@contextmanager
def _timed(engine: Engine) -> Iterator[Counter[str]]:
    """Add up what each statement of `sql/` takes on the engine."""
    names = {text: name for name, text in files()}
    seconds: Counter[str] = Counter()
    begun: list[float] = []

    def begin(*_: Any) -> None:
        begun.append(time.perf_counter())

    def end(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seconds[names.get(statement, "others")] += time.perf_counter() - begun.pop()

    event.listen(engine, "before_cursor_execute", begin)
    event.listen(engine, "after_cursor_execute", end)
    yield seconds
    event.remove(engine, "before_cursor_execute", begin)
    event.remove(engine, "after_cursor_execute", end)


if __name__ == "__main__":
    sys.exit(main())
