"""`make templates`: puts the platform's mail templates into the database."""

from __future__ import annotations

from include.commands.database import loyalty_engine
from include.commands.entry import run_command
from include.database import require_schema
from include.mail.seeding import seed_templates


def main() -> int:
    engine = loyalty_engine()
    require_schema(engine)
    added, kept = seed_templates(engine)
    print(f"{added} templates added, {kept} that were there already kept as they are.")
    return 0


if __name__ == "__main__":
    run_command(main)
