"""`make preview`: the mails as customers would get them, in a folder or in the local inbox."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from include.clock import read_clock
from include.commands.database import loyalty_engine
from include.commands.entry import run_command
from include.database import require_schema
from include.embedded import workplace
from include.embedded.ports import HOST
from include.mail.formats import SUPPORTED_LANGUAGES
from include.mail.previewing import read_shops, save_previews, send_previews, write_previews
from include.mail.server import MailServer
from include.mail.templates import DECLARED_VARIABLES, PLATFORM_EVENTS
from include.mail.writing import Writer, load_templates
from include.settings import state_dir


def main() -> int:
    arguments = _arguments()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    engine = loyalty_engine()
    require_schema(engine)
    shops = read_shops(engine, arguments.store)
    # Customers' mail server is never asked: previews go to a folder or to the inbox of this place.
    smtp_port, http_port = workplace.start_inbox() if arguments.to == "inbox" else (0, 0)
    server = MailServer(host=HOST, port=smtp_port, from_email=workplace.FROM_EMAIL)
    previews = write_previews(
        Writer(load_templates(engine), server),
        shops,
        arguments.code,
        arguments.language,
        read_clock(engine),
    )
    if arguments.to == "inbox":
        print(f"{send_previews(previews, server)} mails: http://{HOST}:{http_port}")
    else:
        for page in save_previews(previews, Path(arguments.to or state_dir() / "preview")):
            print(page.resolve().as_uri())
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make preview", description=__doc__)
    codes = list(DECLARED_VARIABLES)
    parser.add_argument("--code", choices=codes, nargs=1, default=PLATFORM_EVENTS)
    parser.add_argument(
        "--language",
        choices=SUPPORTED_LANGUAGES,
        nargs=1,
        default=list(SUPPORTED_LANGUAGES),
    )
    parser.add_argument(
        "--store", type=int, help="default: the platform, and every store with an override"
    )
    parser.add_argument("--to", default="", help="inbox, or a folder (default: .state/preview)")
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
