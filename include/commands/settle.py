"""`make settle [SEND=ID…] [CLOSE=ID…]`: mails that may have arrived, and what becomes of them."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable

from sqlalchemy import Engine

from include.commands.database import loyalty_engine
from include.commands.entry import run_command
from include.database import require_schema
from include.errors import ConfigurationError
from include.mail.settling import close, list_ambiguous, send_again

Settle = Callable[[Engine, list[int] | None], list[int]]


def main() -> int:
    arguments = _arguments()
    wishes = [
        (arguments.send, send_again, "queued again; the next run sends it"),
        (arguments.close, close, "closed"),
    ]
    orders = [(_ids(text), settle, done) for text, settle, done in wishes if text.strip()]
    engine = loyalty_engine()
    require_schema(engine)
    missed = [mail_id for order in orders for mail_id in _carry_out(engine, *order)]
    for mail_id in missed:
        print(f"Mail {mail_id} does not wait for a person; nothing was done.", file=sys.stderr)
    _show(engine)
    return 1 if missed else 0


def _carry_out(engine: Engine, ids: list[int] | None, settle: Settle, done: str) -> list[int]:
    settled = settle(engine, ids)
    for mail_id in settled:
        print(f"Mail {mail_id}: {done}.")
    return sorted(set(ids or ()) - set(settled))


def _show(engine: Engine) -> None:
    mails = list_ambiguous(engine)
    if not mails:
        print("No mail waits for a person.")
        return
    print(
        "These mails may have arrived or not: the mail server's log knows each by its Message-ID."
    )
    for mail in mails:
        when = mail.handed_over_at.isoformat(sep=" ", timespec="seconds")
        card = f"card {mail.card_id}"
        print(f"  {mail.id:>10}  {when}  {mail.template_code:<24} {card:<14} {mail.message_id}")
    print(
        "Send again with `make settle SEND=ID,ID…`, close with `make settle CLOSE=ID,ID…`; or all."
    )


def _ids(text: str) -> list[int] | None:
    words = re.split(r"[\s,]+", text.strip())
    if words == ["all"]:
        return None
    if not all(word.isascii() and word.isdigit() for word in words):
        raise ConfigurationError(f"{text!r} are no mails; write their numbers, or `all`.")
    return [int(word) for word in words]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make settle", description=__doc__)
    parser.add_argument("--send", default="", help="numbers of mails to send again, or all")
    parser.add_argument("--close", default="", help="numbers of mails to close, or all")
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
