"""`make migrate`: applies the migrations to the database that `AIRFLOW_CONN_LOYALTY_DB` names."""

from __future__ import annotations

from include.commands.database import loyalty_engine
from include.commands.entry import run_command
from include.database import transaction
from include.migrations import migrate


def main() -> int:
    engine = loyalty_engine()
    with transaction(engine, role=None):
        pass  # says in one sentence if nobody answers
    version = migrate(engine)
    print(f"{engine.url.host}:{engine.url.port}/{engine.url.database} is at {version}.")
    return 0


if __name__ == "__main__":
    run_command(main)
