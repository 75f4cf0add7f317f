"""Ports of this machine that nobody listens on."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a port of 127.0.0.1 that was free a moment ago; the caller copes where it is taken."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` of 127.0.0.1."""
    with socket.socket() as probe:
        # As PostgreSQL does: connections of a server that just ended do not block its port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
