"""The pages without Airflow: who asks is what the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from include.pages.app import make_app
from include.pages.security import Access
from tests.day import run_day
from tests.factories import card, program

SITE = "https://airflow.example"
PREFIX = "/behind/a/proxy/loyalty"


@dataclass
class Visitor:
    """Who asks: nobody (None), or a role that `permit` knows."""

    role: str | None = "editor"


@pytest.fixture
def visitor() -> Visitor:
    return Visitor()


@pytest.fixture
def app(engine: Engine, visitor: Visitor) -> FastAPI:
    async def user(request: Request) -> Any:
        if visitor.role is None:
            raise HTTPException(401)
        return visitor.role

    def permit(user: Any, request: Request, method: str) -> None:
        if method != "GET" and user != "editor":
            raise HTTPException(403)

    return make_app(Access(user, permit), lambda: engine, prefix="/loyalty")


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url=SITE, root_path=PREFIX, follow_redirects=False) as client:
        yield client


@pytest.fixture
def three_days(engine: Engine, at: Callable[[str], object]) -> list[int]:
    """Days 1, 2 and 4 of March 2026; day 3 was missed. Three cards expire, one on each run."""
    home = program(engine, name="Home")
    for day, points in ((28, 100), (1, 20), (3, 7)):
        month = 2 if day == 28 else 3
        card(engine, home, points=points, last_activity_at=f"2025-{month:02}-{day:02}T12:00:00Z")
    runs = []
    for day in (1, 2, 4):
        instant = f"2026-03-0{day}T02:00:00+00:00"
        at(instant)
        runs.append(run_day(engine, instant))
    return runs
