"""Sessions that plan a chunk's statements once in a while instead of once per chunk.

psycopg2 prepares nothing by itself. A statement that says `-- Prepared:` in its header is prepared
where a session meets it first, and only executed from then on; whoever runs it need not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

from psycopg2.extensions import connection, cursor

MARK = "\n-- Prepared: "
_BIND = re.compile(r"%\((\w+)\)s")


class PreparingSession(connection):
    """A connection that counts how often it has executed what it prepared."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cursor_factory = PreparingCursor
        self.executions: dict[str, int] = {}


class PreparingCursor(cursor):
    """A cursor that executes prepared what is marked so, and everything else as it is."""

    connection: PreparingSession

    def execute(self, query: Any, vars: Any = None) -> None:
        """Execute `query`; a marked one has named binds, each cast to its type."""
        if is_marked(query):
            forms = forms_of(query)
            self._prepare(forms)
            super().execute(forms.execution, _plain(vars))
        else:
            super().execute(query, vars)

    def _prepare(self, forms: Forms) -> None:
        executions = self.connection.executions.get(forms.name, 0)
        # Anew at the second, third, fifth, ninth time: a plan made for empty tables would read a
        # table from end to end that the chunks have filled since. So none more than doubles.
        if executions.bit_count() <= 1:
            if executions:
                super().execute(f"deallocate {forms.name}")
                # No rollback brings it back: if preparing it anew fails, there is none.
                del self.connection.executions[forms.name]
            super().execute(forms.definition)
        self.connection.executions[forms.name] = executions + 1


def is_marked(query: object) -> bool:
    """Tell whether a statement's header asks for it to be prepared."""
    return isinstance(query, str) and query.startswith("-- ") and MARK in query


@dataclass(frozen=True)
class Forms:
    """A marked statement as PostgreSQL gets it: once its definition, then its execution."""

    name: str
    definition: str
    execution: str


@cache
def forms_of(query: str) -> Forms:
    """Return the forms of a marked statement."""
    binds = list(dict.fromkeys(_BIND.findall(query)))
    numbered = _BIND.sub(lambda bind: f"${binds.index(bind[1]) + 1}", query).replace("%%", "%")
    name = f"loyalty_{sha256(query.encode()).hexdigest()[:16]}"
    # What a person reads who looks at the server's sessions or its log.
    told = query.partition("\n")[0].removeprefix("-- ")
    values = ", ".join(f"%({bind})s" for bind in binds)
    execution = f"/* {told} */ execute {name}" + (f"({values})" if values else "")
    return Forms(name, f"prepare {name} as {numbered}", execution)


def _plain(binds: Mapping[str, Any]) -> dict[str, Any]:
    """Return the binds with ids in PostgreSQL's own text, far quicker to read than array[...]."""
    return {
        name: "{" + ",".join(map(str, bind)) + "}" if _is_ids(bind) else bind
        for name, bind in binds.items()
    }


def _is_ids(bind: object) -> bool:
    return isinstance(bind, list) and all(type(each) is int for each in bind)
