"""Reads what a page shows, as the role that may only read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request
from sqlalchemy import Engine

from include.database import READER, Limits, statements, transaction

Rows = list[dict[str, Any]]
# A page that takes longer is no page; it must not keep the tills' database busy.
PAGE = Limits(statement_timeout="20s")
BIGINT_MAX = 2**63 - 1


def engine_of(request: Request) -> Engine:
    """Return the engine of the loyalty database that the app was made with."""
    find: Callable[[], Engine] = request.app.state.find_engine
    return find()


def replica_of(request: Request) -> Engine:
    """Return the engine of its read replica, or of the database itself where there is none."""
    find: Callable[[], Engine] = request.app.state.find_replica
    return find()


def read(engine: Engine, stage: str, binds: Mapping[str, Any]) -> list[Rows]:
    """Return the rows of each statement of `sql/<stage>/`, in number order."""
    with transaction(engine, PAGE, role=READER) as connection:
        return [
            [dict(row) for row in connection.exec_driver_sql(statement, dict(binds)).mappings()]
            for statement in statements(stage)
        ]


def as_id(text: str | None) -> int | None:
    """Return the id that a query string names, None for anything else."""
    if not text or not (text.isascii() and text.isdigit()) or len(text) > 19:
        return None
    return int(text) if int(text) <= BIGINT_MAX else None
