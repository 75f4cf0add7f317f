"""One database for all examples, emptied before each; a mutated migration gets one of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import URL, Engine

from include.database import connect
from tests.conftest import new_database
from tests.rows import execute, rows


@pytest.fixture(scope="session")
def shared_engine(template_url: URL) -> Iterator[Engine]:
    with new_database(template_url, template=template_url.database) as url:
        engine = connect(url.render_as_string(hide_password=False))
        yield engine
        engine.dispose()


@pytest.fixture
def emptied_engine(shared_engine: Engine) -> Engine:
    """The shared database without rows; its ids begin at 1 again."""
    tables = rows(
        shared_engine,
        "select string_agg('loyalty.' || tablename, ', ') from pg_tables"
        " where schemaname = 'loyalty' and tablename <> 'pipeline_version'",
    )[0][0]
    execute(shared_engine, f"truncate {tables} restart identity cascade")
    execute(shared_engine, "insert into loyalty.lifecycle_unread (first_id) values (1)")
    return shared_engine
