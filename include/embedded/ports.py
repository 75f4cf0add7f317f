"""Ports of this machine that nobody listens on."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
# Below the ports that systems lend to outgoing connections: a server that comes back must not find
# its port taken by somebody's client.
PORTS = range(20_000, 32_768)
TRIES_MAX = 100


def free_port() -> int:
    """Return a port of 127.0.0.1 that was free a moment ago; the caller copes where it is taken."""
    for port in random.sample(PORTS, TRIES_MAX):
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


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
