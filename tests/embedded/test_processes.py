from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import pytest

from include.embedded import processes
from include.errors import ServerError

ENV = {"PATH": os.defpath}
# Prints once it is deaf, so that no signal comes too early.
DEAF = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    for note in home.glob("*.json"):
        processes.stop(note.stem, home=home, seconds=0)


def start(home: Path, *argv: str, name: str = "nap") -> int:
    log = home / "logs" / f"{name}.log"
    return processes.start(name, argv or ("sleep", "60"), home=home, env=ENV, log=log)


def wait_for_line(log: Path) -> None:
    deadline = time.monotonic() + 10
    while not log.read_text().endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_started_program_runs_in_a_session_of_its_own(home: Path) -> None:
    pid = start(home)
    assert processes.running("nap", home) == pid == os.getsid(pid)
    assert psutil.Process(pid).environ() == ENV


def test_output_goes_to_a_log_that_only_its_owner_reads(home: Path) -> None:
    start(home, "/bin/sh", "-c", "cat; echo said; echo complained >&2; sleep 60")
    log = home / "logs" / "nap.log"
    wait_for_line(log)
    assert log.read_text().startswith("said\n")
    assert log.stat().st_mode & 0o777 == (home / "nap.json").stat().st_mode & 0o777 == 0o600


def test_second_start_returns_the_first(home: Path) -> None:
    assert start(home) == start(home)


def test_stop_ends_the_program_and_its_children(home: Path) -> None:
    pid = start(home, "/bin/sh", "-c", "sleep 61 & echo $!; wait")
    wait_for_line(home / "logs" / "nap.log")
    child = int((home / "logs" / "nap.log").read_text())
    assert processes.stop("nap", home=home, seconds=5)
    assert processes.running("nap", home) is None
    assert not psutil.pid_exists(pid)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_stop_ends_a_child_that_left_the_group(home: Path) -> None:
    code = (
        "import subprocess, time; child = subprocess.Popen(['sleep', '60'], process_group=0);"
        " print(child.pid, flush=True); time.sleep(60)"
    )
    start(home, sys.executable, "-c", code)
    wait_for_line(home / "logs" / "nap.log")
    child = int((home / "logs" / "nap.log").read_text())
    assert os.getpgid(child) == child
    assert processes.stop("nap", home=home, seconds=0.2)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_stop_of_nothing_is_no_error(home: Path) -> None:
    assert processes.stop("nap", home=home, seconds=1) is False


def test_program_deaf_to_sigterm_is_killed_after_the_bound(home: Path) -> None:
    start(home, sys.executable, "-c", DEAF)
    wait_for_line(home / "logs" / "nap.log")
    began = time.monotonic()
    assert processes.stop("nap", home=home, seconds=0.3)
    assert 0.3 <= time.monotonic() - began < 5
    assert processes.running("nap", home) is None


def test_stop_leaves_other_programs_alone(home: Path) -> None:
    other = start(home, name="other")
    start(home)
    assert processes.stop("nap", home=home, seconds=5)
    assert processes.running("other", home) == other


def test_recycled_number_is_never_killed(home: Path) -> None:
    start(home)
    note = home / "nap.json"
    record = json.loads(note.read_text())
    processes.stop("nap", home=home, seconds=5)
    time.sleep(0.05)  # the kernel counts start times in hundredths of a second
    bystander = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        note.write_text(json.dumps(record | {"pid": bystander.pid}))
        assert processes.running("nap", home) is None
        assert not processes.stop("nap", home=home, seconds=1)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_program_that_ended_by_itself_is_not_running(home: Path) -> None:
    pid = start(home, "true")
    deadline = time.monotonic() + 5
    while processes.running("nap", home) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert start(home) != pid


def test_program_that_does_not_exist_is_an_error_in_a_sentence(home: Path) -> None:
    with pytest.raises(ServerError, match=r"nap cannot be started: .*no-such-program"):
        start(home, "no-such-program")
    assert processes.running("nap", home) is None


def test_damaged_note_is_an_error_in_a_sentence(home: Path) -> None:
    home.mkdir()
    (home / "nap.json").write_text("{")
    with pytest.raises(ServerError, match=r"nap\.json is damaged"):
        processes.running("nap", home)
    (home / "nap.json").unlink()
