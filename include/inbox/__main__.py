"""Run the local inbox: SMTP in, web pages out, both on this machine only.

Prints one line of JSON with the two ports and the process id once both listen, and runs until
SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn

from include.errors import LoyaltyError, ServerError
from include.inbox import receiver
from include.inbox.pages import build_app

ADDRESS = "127.0.0.1"


def main(arguments: list[str]) -> int:
    """Run until a signal; return 2, after a sentence, where the inbox cannot start."""
    asked = _parser().parse_args(arguments)
    os.umask(0o077)  # the mails are for their reader's account only
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        with _listener("SMTP", asked.smtp_port) as smtp, _listener("HTTP", asked.http_port) as http:
            asyncio.run(_serve(asked.maildir, smtp, http))
    except LoyaltyError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _end(number: int, frame: FrameType | None) -> None:
    # uvicorn raises the signal that ended it once more when it is done; this is where both that
    # one and a signal during the start arrive.
    raise SystemExit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include.inbox", description=__doc__)
    parser.add_argument("--maildir", type=Path, required=True, help="the folder for the mails")
    for name in ("smtp", "http"):
        parser.add_argument(f"--{name}-port", type=_port, default=0, help="0 takes a free port")
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 0 to 65535")
    return int(text)


def _listener(name: str, port: int) -> socket.socket:
    try:
        return socket.create_server((ADDRESS, port))
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise ServerError(
            f"The inbox's {name} server cannot use port {port} on {ADDRESS} ({reason}); "
            f"free it or choose another with --{name.lower()}-port."
        ) from error


async def _serve(path: Path, smtp: socket.socket, http: socket.socket) -> None:
    receiving = await receiver.listen(receiver.open_maildir(path), smtp)
    showing = uvicorn.Server(_web(path))
    ports = {"smtp_port": smtp.getsockname()[1], "http_port": http.getsockname()[1]}
    # Both sockets take connections from here on; the first page request waits a moment at most.
    print(json.dumps({**ports, "pid": os.getpid()}), flush=True)
    async with receiving:
        await showing.serve(sockets=[http])


def _web(path: Path) -> uvicorn.Config:
    return uvicorn.Config(
        build_app(path),
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
