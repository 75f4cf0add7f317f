"""The locks pin every package the way pip asks for it: no release of tomorrow breaks them."""

from __future__ import annotations

import re
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-cluster.txt")


def locked(name: str) -> dict[str, set[str]]:
    """Return the extras that a lock pins, by package."""
    found = re.findall(r"^([\w.-]+)(?:\[([^\]]*)\])?==", (ROOT / name).read_text(), re.MULTILINE)
    pins: dict[str, set[str]] = {}
    for package, extras in found:
        pins.setdefault(canonicalize_name(package), set()).update(filter(None, extras.split(",")))
    return pins


@pytest.mark.parametrize("name", LOCKS)
def test_what_is_asked_for_with_extras_is_pinned_with_them(name):
    # pip matches celery==5.6.3 with no request for celery[redis]: it takes the newest release.
    pins = locked(name)
    assert len(pins) > 10
    missing = [
        f"{distribution.name} asks for {line}"
        for distribution in distributions()
        if canonicalize_name(distribution.name) in pins
        for line in distribution.requires or ()
        if (asked := Requirement(line)).extras
        and canonicalize_name(asked.name) in pins
        and (asked.marker is None or asked.marker.evaluate({"extra": ""}))
        and not asked.extras <= pins[canonicalize_name(asked.name)]
    ]
    assert missing == []


@pytest.mark.parametrize("name", LOCKS)
def test_what_a_list_names_with_extras_is_pinned_with_them(name):
    lines = (ROOT / name).with_suffix(".in").read_text().splitlines()
    named = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    pins = locked(name)
    assert [
        str(each) for each in named if not each.extras <= pins[canonicalize_name(each.name)]
    ] == []


@pytest.mark.parametrize("name", LOCKS)
def test_what_is_pinned_with_extras_is_pinned_without_them_too(name):
    # An older pip looks for a pin of celery when anything asks for celery alone.
    lines = (ROOT / name).read_text().splitlines()
    pins = {line.split()[0] for line in lines if re.match(r"[\w.-]+(\[.*\])?==", line)}
    assert {re.sub(r"\[.*\]", "", pin) for pin in pins} <= pins


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_hash(name):
    blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text())
    pinned = [block for block in blocks if "==" in block.partition("\n")[0]]
    assert [block for block in pinned if "--hash=sha256:" not in block] == []
