"""Waits until a program that was started answers."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request

from include.embedded.ports import HOST
from include.errors import ServerError


def until_answers(url: str, what: str, *, seconds: float) -> None:
    """Return once `url` on this machine answers with success.

    Raises:
        ServerError: it does not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    # No proxy: the address is this machine's.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with opener.open(url, timeout=5) as answer:
                answer.read()
            return
        except (urllib.error.URLError, OSError) as error:
            if time.monotonic() > deadline:
                raise ServerError(
                    f"{what} did not come up within {seconds:.0f} seconds ({error}); its log is in "
                    "the folder logs of the state folder."
                ) from error
        time.sleep(0.2)


def until_listens(port: int | str, what: str, *, seconds: float) -> None:
    """Return once something on this machine takes connections on `port`.

    Raises:
        ServerError: it does not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((HOST, int(port)), timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise ServerError(
                    f"{what} did not come up within {seconds:.0f} seconds ({error}); its log is in "
                    "the folder logs of the state folder."
                ) from error
        time.sleep(0.1)
