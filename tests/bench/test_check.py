"""`make bench-check` fails where a target is missed or was not measured, and says which."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext

import pytest

from tests.bench import __main__ as command
from tests.bench.figures import Figure, single


@pytest.fixture(autouse=True)
def _logs(monkeypatch):
    # What is switched off for a benchmark would stay so for all tests that follow.
    monkeypatch.setattr(command.logging, "disable", lambda _level: None)


def met(*_place, **_sizes) -> list[Figure]:
    return [single("memory", [72.0], "MB", target=128), single("log", [7.0], "KB/card")]


def missed(*_place, **_sizes) -> list[Figure]:
    return [single("import", [0.7], "s", target=0.5)]


def broken(*_place, **_sizes) -> list[Figure]:
    raise RuntimeError("no postfix here")


@pytest.mark.parametrize(
    ("parts", "status", "verdicts"),
    [
        ({"mail": met}, 0, {"memory": True, "log": True}),
        ({"mail": met, "imports": missed}, 1, {"memory": True, "log": True, "import": False}),
        ({"broken": broken, "mail": met}, 1, {"broken": False, "memory": True, "log": True}),
    ],
)
def test_a_target_that_is_missed_or_not_measured_fails_the_check(
    monkeypatch, tmp_path, capsys, parts, status, verdicts
):
    told = tmp_path / "made" / "bench.json"
    monkeypatch.setattr(command, "PARTS", parts)
    monkeypatch.setattr(command, "open_place", lambda _home: nullcontext())
    monkeypatch.setattr(sys, "argv", ["bench", "--check", "--json", str(told)])
    assert command.main() == status
    assert {each["name"]: each["is_met"] for each in json.loads(told.read_text())} == verdicts
    named = [name for name, is_met in verdicts.items() if not is_met]
    told_last = capsys.readouterr().out.splitlines()[-1]
    assert told_last.startswith("Missed: ") == bool(named)
    assert all(name in told_last for name in named)


def test_without_the_check_a_missed_target_is_only_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "PARTS", {"imports": missed})
    monkeypatch.setattr(command, "open_place", lambda _home: nullcontext())
    monkeypatch.setattr(sys, "argv", ["bench"])
    assert command.main() == 0
    assert "Missed: import." in capsys.readouterr().out
