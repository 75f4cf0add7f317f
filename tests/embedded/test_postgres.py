"""A real server, started as whoever runs the tests; some claims concern root only."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import psycopg2
import pytest

from include.embedded import account, install, postgres, postmaster
from include.errors import ServerError
from include.settings import PROJECT_ROOT

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root hands the server to an account")
START = """
import sys
from pathlib import Path
from include.embedded import postgres
server = postgres.start(Path(sys.argv[1]), durable=False)
print(server.port, postgres.postmaster.pid(server.data_dir))
"""


def new_home(parent: Path | None = None) -> Path:
    # pytest's own temporary folders are closed to the server's account.
    folder = Path(tempfile.mkdtemp(prefix="loyalty-test-", dir=parent))
    if parent is None:
        folder.chmod(0o755)
    return folder / "state folder" / "postgres"


def discard(home: Path) -> None:
    postgres.remove(home)
    for path in (home, home.parent, home.parent.parent):
        for entry in path.glob("*") if path.exists() else ():
            entry.unlink()
        if path.exists():
            path.rmdir()


@pytest.fixture
def fresh_home() -> Iterator[Path]:
    home = new_home()
    yield home
    discard(home)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    home = new_home()
    yield home
    discard(home)


@pytest.fixture
def server(home: Path) -> postgres.Server:
    return postgres.start(home, durable=False)


def pid(server: postgres.Server) -> int:
    found = postmaster.pid(server.data_dir)
    assert found is not None
    return found


def ask(server: postgres.Server, query: str, *, database: str = "postgres") -> Any:
    with closing(psycopg2.connect(server.uri(database))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(query)
            row = cursor.fetchone() if cursor.description else None
            return row and row[0]


def start_elsewhere(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START, str(home)],
        cwd=PROJECT_ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [".", *sys.path]))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def as_nobody(call: Callable[[], object]) -> str:
    """Return what `call` raises in another user's process; forked, as root's Python is closed."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            call()
        except Exception as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with open(reader, encoding="utf-8") as answer:
        return answer.read()


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


def test_nothing_runs_in_a_home_that_does_not_exist(tmp_path: Path) -> None:
    home = tmp_path / "none"
    assert not postgres.is_running(home)
    postgres.stop(home)
    postgres.remove(home)
    assert not home.exists()


def test_another_version_is_refused_with_a_sentence(server: postgres.Server, home: Path) -> None:
    with pytest.raises(ServerError, match="PostgreSQL 18, not 16"):
        postgres.start(home, version=16)
    assert ask(server, "select 1") == 1


def test_unknown_version_is_refused_with_a_sentence(fresh_home: Path) -> None:
    with pytest.raises(ServerError, match="no PostgreSQL 15; choose one of 16, 18"):
        postgres.start(fresh_home, version=15)


def test_version_16_works_too(fresh_home: Path) -> None:
    server = postgres.start(fresh_home, durable=False, version=16)
    assert ask(server, "select current_setting('server_version_num')::int / 10000") == 16


@as_root
@pytest.mark.parametrize("call", [postgres.start, postgres.stop, postgres.is_running])
def test_roots_home_refuses_an_ordinary_user_with_a_sentence(
    server: postgres.Server, home: Path, call: Callable[[Path], object]
) -> None:
    answer = as_nobody(lambda: call(home))
    assert answer.startswith("ServerError")
    assert "belongs to root" in answer
    assert "run this as root" in answer
    assert postmaster.pid(server.data_dir) is not None


@as_root
def test_root_runs_the_server_as_an_account_without_rights(server: postgres.Server) -> None:
    assert psutil.Process(pid(server)).uids().real == server.data_dir.stat().st_uid != 0


@as_root
def test_home_under_a_closed_folder_keeps_its_data_elsewhere(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    home = new_home(tmp_path)
    try:
        server = postgres.start(home, durable=False)
        base = Path(json.loads((home / "postgres.json").read_text())["base"])
        assert server.data_dir.is_relative_to(base)
        assert not base.is_relative_to(tmp_path)
        assert base.stat().st_mode & 0o007 == 0
        assert home.stat().st_mode & 0o777 == tmp_path.stat().st_mode & 0o777 == 0o700
        assert postgres.start(home) == server
    finally:
        discard(home)
    assert not base.exists()


@as_root
def test_programs_that_the_account_cannot_execute_are_copied(
    fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "can_execute", lambda *_: False)
    server = postgres.start(fresh_home, durable=False)
    program = Path(psutil.Process(pid(server)).exe())
    postgres.remove(fresh_home)
    assert program.is_relative_to(fresh_home)
    for copy in fresh_home.glob("install-*"):
        shutil.rmtree(copy)


@as_root
def test_copy_made_of_closed_files_is_open_to_the_account(fresh_home: Path) -> None:
    site = fresh_home / "site"
    program = site / "package" / "bin" / "tool"
    program.parent.mkdir(parents=True, mode=0o700)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    for folder in (site, *program.parents[:2]):
        folder.chmod(0o700)
    account_of_server = account.account_for(fresh_home)
    try:
        assert not account.can_execute(account_of_server, program)
        install._copy_parts(site, fresh_home / "copy", [Path("package")])
        assert account.can_execute(account_of_server, fresh_home / "copy/package/bin/tool")
    finally:
        for tree in (site, fresh_home / "copy"):
            shutil.rmtree(tree)


@as_root
def test_forgotten_stand_in_is_stopped_when_its_home_begins_anew(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    forgotten = postgres.start(home, durable=False)
    base = forgotten.data_dir.parent.parent
    (home / "postgres.json").unlink()
    try:
        server = postgres.start(home, durable=False)
        assert server.data_dir != forgotten.data_dir
        assert postmaster.pid(forgotten.data_dir) is None
    finally:
        discard(home)
        postmaster.stop(forgotten.data_dir, seconds=10)
        shutil.rmtree(base)
