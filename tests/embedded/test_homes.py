"""Where a server lives and as whom it runs; most of it concerns root only."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import pytest

from include.embedded import account, install, postgres, postmaster
from include.errors import ServerError
from tests.embedded.servers import ask, discard, new_home, pid

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root hands the server to an account")


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
