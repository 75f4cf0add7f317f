"""The replay's SQL statements, read from their folder."""

from __future__ import annotations

from include.settings import SQL_ROOT


def statement(name: str) -> str:
    """Return the text of `sql/replay/<name>.sql`."""
    return (SQL_ROOT / "replay" / f"{name}.sql").read_text(encoding="utf-8")
