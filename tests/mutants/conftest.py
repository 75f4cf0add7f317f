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
    deletions = rows(
        shared_engine,
        "select string_agg('delete from loyalty.' || tablename, ';') from pg_tables"
        " where schemaname = 'loyalty' and tablename <> 'pipeline_version'",
    )[0][0]
    # Quicker than to truncate, and the sessions' plans stay valid.
    execute(shared_engine, f"set local session_replication_role = replica; {deletions}")
    execute(
        shared_engine,
        "select setval(oid::regclass, 1, false) from pg_class"
        " where relkind = 'S' and relnamespace = 'loyalty'::regnamespace",
    )
    execute(shared_engine, "insert into loyalty.lifecycle_unread (first_id) values (1)")
    return shared_engine
