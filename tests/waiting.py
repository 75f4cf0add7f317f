"""Waits until another session waits for a lock: it cannot get further by itself."""

from __future__ import annotations

import time

from sqlalchemy import Engine

from tests.rows import rows

PATIENCE_SECONDS = 30


def wait_for_waiting(engine: Engine) -> None:
    """Return once a session of this database waits for a lock."""
    waiting = """
        select pid from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not rows(engine, waiting):
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.01)
