"""With a read replica, what counts every card is asked there, everything else of the primary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from psycopg2.errors import SerializationFailure
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from include.database import connect
from include.embedded import postgres
from include.migrations import migrate
from plugins import loyalty_pages
from tests.factories import card, program
from tests.replica import replica_of, seconds_behind
from tests.rows import execute, rows

NOW = "2026-03-08T02:00:00+00:00"


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[postgres.Server]:
    tmp_path.chmod(0o755)
    home = tmp_path / "primary"
    try:
        yield postgres.start(home)
    finally:
        postgres.remove(home)


@pytest.fixture
def engine(primary: postgres.Server) -> Iterator[Engine]:
    postgres.ensure_database(primary, "loyalty")
    engine = connect(primary.url("loyalty"))
    migrate(engine)
    yield engine
    engine.dispose()


def test_counts_are_asked_of_the_replica_and_cards_of_the_primary(
    app: FastAPI,
    client: TestClient,
    primary: postgres.Server,
    engine: Engine,
    tmp_path: Path,
    at: Callable[[str], object],
) -> None:
    at(NOW)
    home = program(engine, points_expiration_days=30, warning_days=[])
    first = card(engine, home, points=10, last_activity_at="2026-02-20T12:00:00+00:00")
    with replica_of(primary, tmp_path / "replica") as server:
        replica = connect(server.url("loyalty"))
        app.state.find_replica = lambda: replica
        assert rows(replica, "select pg_is_in_recovery()") == [(True,)]
        card(engine, home, points=200, last_activity_at="2026-02-21T12:00:00+00:00")
        seconds_behind(primary, server)
        # What it has not replayed yet, it does not count; a card's own page knows it.
        execute_on(replica, "select pg_wal_replay_pause()")
        spent = "update loyalty.loyalty_cards set points_balance = 7 where id = %(id)s"
        execute(engine, spent, id=first)
        for path in ("/outstanding", "/outstanding?count=now"):
            assert "<dt>Outstanding points</dt><dd>210</dd>" in client.get(path).text
        assert "<dt>Points in 90 days</dt><dd>210</dd>" in client.get("/forecast").text
        assert "<dd>7</dd>" in client.get(f"/cards/{first}").text
        execute_on(replica, "select pg_wal_replay_resume()")
        seconds_behind(primary, server)
        assert "<dt>Outstanding points</dt><dd>207</dd>" in client.get("/outstanding").text
        replica.dispose()


def test_a_replica_that_gives_way_to_its_primary_says_so(app: FastAPI, client: TestClient) -> None:
    def give_way() -> Engine:
        raise OperationalError("select", {}, SerializationFailure("conflict with recovery"))

    app.state.find_replica = give_way
    answer = client.get("/outstanding")
    assert answer.status_code == 503
    assert "Load the page again." in answer.text


def execute_on(replica: Engine, query: str) -> None:
    with replica.connect() as connection:
        connection.exec_driver_sql(query)


def test_the_replica_is_a_connection_of_airflow_and_without_it_the_primary_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_LOYALTY_DB", "postgresql://reader:secret@127.0.0.1:5432/shop")
    assert loyalty_pages._replica() is loyalty_pages._engine()
    monkeypatch.setenv(
        "AIRFLOW_CONN_LOYALTY_DB_REPLICA", "postgresql://reader:secret@127.0.0.1:5433/shop"
    )
    assert (loyalty_pages._replica().url.port, loyalty_pages._engine().url.port) == (5433, 5432)
