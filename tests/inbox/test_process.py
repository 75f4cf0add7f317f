from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from include.inbox.receiver import open_maildir
from tests.inbox.running import RunningInbox, mail, running_inbox, start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_cleanly_even_with_a_client_connected(tmp_path: Path, number: int) -> None:
    with running_inbox(tmp_path / "mails") as inbox:
        client = inbox.smtp()
        inbox.send(mail())
        inbox.process.send_signal(number)
        assert inbox.process.wait(timeout=10) == 0
        client.close()
        assert inbox.process.communicate() == ("", "")
    assert len(list((tmp_path / "mails/new").iterdir())) == 1


def test_mails_of_an_earlier_run_are_shown(tmp_path: Path) -> None:
    open_maildir(tmp_path / "mails").add(mail(subject="from before"))
    with running_inbox(tmp_path / "mails") as inbox:
        inbox.send(mail())
        assert inbox.get("/health").json() == {"mails": 2}
        assert "from before" in inbox.get("/").text


@pytest.mark.parametrize("server", ["smtp", "http"])
def test_taken_port_is_told_in_one_sentence(tmp_path: Path, server: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = {f"{server}_port": port}
        with start(tmp_path / "mails", **ports) as process:
            output, errors = process.communicate(timeout=10)
    assert (process.returncode, output) == (2, "")
    assert errors == (
        f"The inbox's {server.upper()} server cannot use port {port} on 127.0.0.1 "
        f"(address already in use); free it or choose another with --{server}-port.\n"
    )
    assert not (tmp_path / "mails").exists()


def test_only_the_loopback_address_is_served(inbox: RunningInbox) -> None:
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ports = {f"{port:04X}" for port in (inbox.smtp_port, inbox.http_port)}
    # 0A is the state LISTEN, 0100007F is 127.0.0.1.
    found = {
        line.split()[1]
        for line in listening
        if line.split()[1].partition(":")[2] in ports and line.split()[3] == "0A"
    }
    assert found == {f"0100007F:{port}" for port in ports}
