"""`make templates`: puts the platform's mail templates into the database.

`make templates CODE=… LANGUAGE=… FOLDER=…` checks and stores one that somebody wrote, and with
STORE=… as the override of that store.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sqlalchemy import Engine

from include.commands.database import loyalty_engine
from include.commands.entry import run_command
from include.database import require_schema
from include.mail.seeding import seed_templates
from include.mail.storing import read_template, store_template


def main() -> int:
    arguments = _arguments()
    engine = loyalty_engine()
    require_schema(engine)
    if arguments.folder is None:
        _seed(engine)
    else:
        template = read_template(
            arguments.folder, arguments.code, arguments.language, arguments.store
        )
        store_template(engine, template)
        print(f"{template.title} is stored.")
    return 0


def _seed(engine: Engine) -> None:
    seeded = seed_templates(engine)
    print(f"{seeded.added} templates added, {seeded.updated} updated.")
    if seeded.kept:
        print(
            f"{len(seeded.kept)} were edited in the database and kept as they are: "
            f"{', '.join(seeded.kept)}. Delete the row of one to get the project's own again."
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make templates", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="holds subject.j2, body.html.j2, …")
    parser.add_argument("--code", help="the event, such as loyalty_reward_ready")
    parser.add_argument("--language", help="en, fr, de or lb")
    parser.add_argument("--store", type=int, help="the store's id; default: the platform's own")
    arguments = parser.parse_args()
    one = (arguments.code, arguments.language, arguments.folder)
    if any((*one, arguments.store)) and not all(one):
        parser.error("to store one template, name CODE, LANGUAGE and FOLDER")
    return arguments


if __name__ == "__main__":
    run_command(main)
