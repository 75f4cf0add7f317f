"""`make bounces FOLDER=…`: suppresses the addresses that delivery-status mails report as dead."""

from __future__ import annotations

import argparse
from pathlib import Path

from include.clock import read_clock
from include.commands.database import loyalty_engine
from include.commands.entry import run_command
from include.database import require_schema
from include.errors import ConfigurationError
from include.mail.bouncing import suppress_bounced
from include.mail.reports import read_reports


def main() -> int:
    folder = _arguments().folder
    if not folder:
        raise ConfigurationError(
            "Say where the reports are: make bounces FOLDER=…; nothing was done."
        )
    reports = read_reports(Path(folder))
    engine = loyalty_engine()
    require_schema(engine)
    figures = suppress_bounced(engine, reports, read_clock(engine))
    print(
        f"{figures.mails} mails read, {figures.failures} failures for good, "
        f"{figures.suppressed} customers suppressed now."
    )
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bounces", description=__doc__)
    parser.add_argument("folder", help="a Maildir, an mbox file or a folder of mails")
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
