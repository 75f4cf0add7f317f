"""The pages without Airflow: who asks is what the test says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from include.pages.app import make_app
from include.pages.security import Access

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
