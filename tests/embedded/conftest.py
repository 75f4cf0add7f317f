"""A server that a module's tests share, and a home for those that need one to themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from include.embedded import postgres
from tests.embedded.servers import discard, new_home


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
