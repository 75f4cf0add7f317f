from __future__ import annotations

import socket

from include.embedded import ports


def test_free_port_can_be_listened_on() -> None:
    port = ports.free_port()
    assert ports.is_free(port)
    socket.create_server(("127.0.0.1", port)).close()


def test_port_with_a_listener_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert not ports.is_free(listener.getsockname()[1])


def test_port_of_a_listener_on_all_addresses_is_not_free() -> None:
    with socket.create_server(("0.0.0.0", 0)) as listener:  # noqa: S104 - the case under test
        assert not ports.is_free(listener.getsockname()[1])
