"""Whether all is well: what `make check` prints, and what operators are mailed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from include.clock import read_clock
from include.database import READER, SELECTION, Limits, require_schema, statements, transaction


@dataclass(frozen=True)
class Trouble:
    """Something that wants a person, in a sentence.

    `is_before_first_run`: it is only that nothing has ever run here.
    """

    sentence: str
    is_before_first_run: bool = False


def find_troubles(engine: Engine, limits: Limits = SELECTION) -> list[Trouble]:
    """Return what is wrong now; empty if all is well.

    Raises:
        SchemaError: the database lacks the pipeline's tables.
    """
    require_schema(engine)
    (statement,) = statements("check_health")
    binds = {"now_at": read_clock(engine)}
    with transaction(engine, limits, role=READER) as connection:
        rows = connection.exec_driver_sql(statement, binds).all()
    return [Trouble(row.trouble, row.is_before_first_run) for row in rows]
