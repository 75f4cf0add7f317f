"""`make check`: non-zero and a sentence where no run closed lately, or something is stuck."""

from __future__ import annotations

import sys

from include.clock import read_clock
from include.commands.database import loyalty_engine
from include.commands.entry import run_command
from include.database import READER, require_schema, statements, transaction


def main() -> int:
    engine = loyalty_engine()
    require_schema(engine)
    (statement,) = statements("check_health")
    now = read_clock(engine)
    with transaction(engine, role=READER) as connection:
        troubles = connection.exec_driver_sql(statement, {"now_at": now}).scalars().all()
    for trouble in troubles:
        print(trouble, file=sys.stderr)
    if not troubles:
        print("All is well.")
    return 1 if troubles else 0


if __name__ == "__main__":
    run_command(main)
