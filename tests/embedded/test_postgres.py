"""A real server, started as whoever runs the tests: how it starts, is shared, and stops."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import psycopg2
import pytest

from include.embedded import postgres, postmaster
from include.settings import PROJECT_ROOT
from tests.embedded.servers import ask, pid

START = """
import sys
from pathlib import Path
from include.embedded import postgres
server = postgres.start(Path(sys.argv[1]), durable=False)
print(server.port, postgres.postmaster.pid(server.data_dir))
"""


def start_elsewhere(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START, str(home)],
        cwd=PROJECT_ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [".", *sys.path]))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_server_is_utf8_in_utc_and_not_durable_for_tests(server: postgres.Server) -> None:
    answers = [
        ask(server, f"show {name}")
        for name in ("server_encoding", "timezone", "fsync", "full_page_writes", "max_connections")
    ]
    assert answers == ["UTF8", "UTC", "off", "off", "200"]
    assert ask(server, "select current_setting('server_version_num')::int / 10000") == 18
    assert ask(server, "select lower('É')") == "é"


def test_listens_on_the_loopback_address_only(server: postgres.Server) -> None:
    listeners = [
        connection.laddr
        for connection in psutil.Process(pid(server)).net_connections(kind="all")
        if connection.status == psutil.CONN_LISTEN or isinstance(connection.laddr, str)
    ]
    assert listeners == [("127.0.0.1", server.port)]


@pytest.mark.parametrize("password", ["", "loyalty", "postgres"])
def test_wrong_password_is_refused(server: postgres.Server, password: str) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=password,
            dbname="postgres",
            passfile="/nonexistent",
        )


def test_password_is_kept_from_others(server: postgres.Server, home: Path) -> None:
    assert (home / "postgres.json").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o007 == 0
    assert server.data_dir.stat().st_mode & 0o077 == 0
    assert not (server.data_dir.parent / "password").exists()
    assert server.password not in repr(server)
    assert server.password not in (server.data_dir.parent / "postgres.log").read_text()
    assert all(server.password not in word for word in psutil.Process(pid(server)).cmdline())


def test_log_holds_no_statement_and_no_detail(server: postgres.Server) -> None:
    postgres.ensure_database(server, "log")
    ask(server, "create table people (name text unique)", database="log")
    ask(server, "insert into people values ('Zephyrine')", database="log")
    with pytest.raises(psycopg2.errors.UniqueViolation, match="Zephyrine"):
        ask(server, "insert into people values ('Zephyrine')", database="log")
    log = (server.data_dir.parent / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "Zephyrine" not in log


def test_addresses_quote_what_they_hold() -> None:
    server = postgres.Server("127.0.0.1", 5, "loyalty", "p@s/s", Path("data"))
    assert server.uri("a b") == "postgresql://loyalty:p%40s%2Fs@127.0.0.1:5/a%20b"
    assert server.url("x") == "postgresql+psycopg2://loyalty:p%40s%2Fs@127.0.0.1:5/x"


def test_database_is_created_once_and_keeps_its_rows(server: postgres.Server) -> None:
    name = 'Points "é" %s'
    postgres.ensure_database(server, name)
    ask(server, "create table kept (id int)", database=name)
    postgres.ensure_database(server, name)
    assert ask(server, "select count(*) from kept", database=name) == 0


def test_second_start_attaches(server: postgres.Server, home: Path) -> None:
    before = pid(server)
    assert postgres.start(home) == server
    other = start_elsewhere(home)
    assert other.communicate(timeout=20)[0].split() == [str(server.port), str(before)]


def test_processes_that_start_at_once_share_a_server_that_outlives_them(fresh_home: Path) -> None:
    starters = [start_elsewhere(fresh_home) for _ in range(3)]
    # A pipe that the server held would never end.
    answers = {starter.communicate(timeout=20)[0] for starter in starters}
    assert len(answers) == 1
    port, process_id = map(int, answers.pop().split())
    server = postgres.start(fresh_home)
    assert (server.port, pid(server)) == (port, process_id)
    assert ask(server, "select 1") == 1


def test_stop_ends_its_own_server_and_leaves_others_alone(
    server: postgres.Server, home: Path, fresh_home: Path
) -> None:
    before = pid(server)
    other = postgres.start(fresh_home, durable=False)
    assert other.port != server.port
    postgres.stop(fresh_home)
    assert not postgres.is_running(fresh_home)
    postgres.stop(fresh_home)
    assert postgres.is_running(home)
    assert pid(server) == before


def test_restart_keeps_port_password_and_rows(fresh_home: Path) -> None:
    server = postgres.start(fresh_home, durable=False)
    ask(server, "create table kept as select 7 as id")
    postgres.stop(fresh_home)
    assert postgres.start(fresh_home, durable=False) == server
    assert ask(server, "select id from kept") == 7


def test_restart_on_a_taken_port_chooses_another(fresh_home: Path) -> None:
    server = postgres.start(fresh_home, durable=False)
    postgres.stop(fresh_home)
    with closing(socket.create_server(("127.0.0.1", server.port))):
        other = postgres.start(fresh_home, durable=False)
        assert other.port != server.port
        assert ask(other, "select 1") == 1


def test_killed_server_starts_again(fresh_home: Path) -> None:
    server = postgres.start(fresh_home)
    ask(server, "create table kept as select 7 as id")
    before = pid(server)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: postmaster.pid(server.data_dir) is None)
    again = postgres.start(fresh_home)
    assert pid(again) != before
    assert ask(again, "select id from kept") == 7


def test_pid_file_that_names_another_program_neither_stops_the_start_nor_harms_it(
    fresh_home: Path,
) -> None:
    server = postgres.start(fresh_home, durable=False)
    note = server.data_dir / "postmaster.pid"
    lines = note.read_text().splitlines(keepends=True)
    postgres.stop(fresh_home)
    bystander = subprocess.Popen(["sleep", "60"], user=note.parent.stat().st_uid)
    try:
        note.write_text("".join([f"{bystander.pid}\n", *lines[1:]]))
        assert not postgres.is_running(fresh_home)
        postgres.stop(fresh_home)
        assert ask(postgres.start(fresh_home, durable=False), "select 1") == 1
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_interrupted_creation_is_taken_up(fresh_home: Path) -> None:
    server = postgres.start(fresh_home, durable=False)
    postgres.stop(fresh_home)
    server.data_dir.rename(server.data_dir.with_name("data.new"))
    again = postgres.start(fresh_home, durable=False)
    assert again.password == server.password
    assert ask(again, "select 1") == 1
