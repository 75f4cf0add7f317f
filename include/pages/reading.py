"""Asks the database what a page shows, with the reader's rights and a bound on the time."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Engine
from starlette.requests import Request

from include.clock import read_clock
from include.database import READER, Limits, statements, transaction
from include.settings import SQL_ROOT

Row = dict[str, Any]
# A page that takes longer is of no use, and its query would cost the tills.
PAGE = Limits(lock_timeout="1s", statement_timeout="10s", idle_timeout="10s")
BIGINT_MAX = 2**63 - 1


def read_page(request: Request, stage: str, **binds: Any) -> dict[str, list[Row]]:
    """Return the rows of every statement of `sql/<stage>/`, by its name without the number."""
    with transaction(_engine(request), PAGE, role=READER) as connection:
        return {
            name: _plain(connection.exec_driver_sql(statement, binds).mappings().all())
            for name, statement in _named(stage)
        }


def read_now(request: Request) -> datetime:
    """Return the instant it is, by the pipeline's one clock."""
    return read_clock(_engine(request))


@cache
def _named(stage: str) -> tuple[tuple[str, str], ...]:
    files = sorted((SQL_ROOT / stage).glob("*.sql"))
    return tuple(
        (file.stem.partition("_")[2], statement)
        for file, statement in zip(files, statements(stage), strict=True)
    )


def _plain(rows: Any) -> list[Row]:
    return [dict(row) for row in rows]


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.find_engine()
    return engine
