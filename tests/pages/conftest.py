"""The pages over a real database; who may read is a test of its own."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from include.pages.app import build_app


@pytest.fixture
def site(engine):
    """The pages as somebody sees them who is logged in and may read."""
    with TestClient(build_app(lambda: engine, lambda: None)) as client:
        yield client


@pytest.fixture
def story(engine, at):
    """Two days of runs; see `tests.pages.story`."""
    from tests.pages.story import tell

    return tell(engine, at)
