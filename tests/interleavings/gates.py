"""Sessions of a database whose every statement waits at a gate until it is let through.

The code behind a session is the real one, run in a thread on an engine of its own; so its
statements, their order and its transactions cannot drift from what the pipeline does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal

from sqlalchemy import Connection, Engine, event

from include.database import connect, statements
from include.settings import SQL_ROOT

Work = Callable[[Engine], object]

STAGES = sorted({file.parent.name for file in SQL_ROOT.glob("*/*.sql")})
FILES = {
    text: f"{stage}/{file.stem}"
    for stage in STAGES
    for text, file in zip(statements(stage), sorted((SQL_ROOT / stage).glob("*.sql")), strict=True)
}

# Stages that set up the session, or read what no other session of a play writes: they commute
# with every step of the others, so they run on without a gate of their own. Nor has waiting for a
# turn one: a test of its own holds it.
SILENT = frozenset(
    "limit_session check_schema read_clock read_run_status next_held_cards list_chunks count_deeds "
    "count_undecided count_due_mails count_cohort read_mail_zones number_sender open_sender "
    "check_sender read_claims close_sender put_on_role hold_run take_plan_turn".split()
)


class Stopped(BaseException):
    """The play is over before this session has finished."""


def label_of(statement: str) -> str:
    """Name a statement: its file in `sql/`, or its first words."""
    return FILES.get(statement) or " ".join(statement.split()[:3]).lower()


class Session:
    """One session: at its gate, running (perhaps blocked by a lock), or finished."""

    def __init__(self, url: str, monitor: threading.Condition) -> None:
        self.engine = connect(url)
        self.monitor = monitor
        self.state: Literal["waiting", "running", "finished"] = "finished"
        self.label = ""
        self.pid = 0
        self.error: BaseException | None = None
        self._silent: frozenset[str] = frozenset()
        self._has_steps = False
        self._is_stopped = False
        event.listen(self.engine, "before_cursor_execute", self._on_statement)
        event.listen(self.engine, "after_cursor_execute", self._on_executed)
        event.listen(self.engine, "commit", self._on_commit)
        event.listen(self.engine, "rollback", self._on_rollback)

    def start(self, work: Work, silent: frozenset[str]) -> None:
        """Run `work` in a thread as far as its first gate."""
        self._silent, self._is_stopped, self.error = silent, False, None
        self.state, self._has_steps = "running", False
        self._thread = threading.Thread(target=self._perform, args=(work,), daemon=True)
        self._thread.start()

    def let_through(self) -> None:
        """Open the gate for one step; returns at once."""
        with self.monitor:
            self.state = "running"
            self.monitor.notify_all()

    def stop(self) -> None:
        """End the session at its gate, unless it has finished."""
        with self.monitor:
            self._is_stopped = True
            self.monitor.notify_all()

    def join(self) -> None:
        """Wait for the thread's end."""
        self._thread.join(timeout=60)

    def _perform(self, work: Work) -> None:
        try:
            work(self.engine)
        except Stopped:
            pass
        except BaseException as error:  # Judged by the test, which knows what is allowed.
            self.error = error
        with self.monitor:
            self.state = "finished"
            self.monitor.notify_all()

    def _on_statement(
        self, connection: Connection, _cursor: Any, statement: str, binds: Any, *_: Any
    ) -> None:
        self.pid = connection.connection.dbapi_connection.info.backend_pid
        label = label_of(statement)
        if not {label, label.split("/")[0]} & self._silent:
            self._has_steps = True
            self._wait(label)

    def _on_executed(self, _connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        if label_of(statement).startswith("lock_chunk/"):
            # A chunk whose cards are all held by others has nothing to commit.
            self._has_steps = cursor.fetchone()[0] is not None
            cursor.scroll(0, mode="absolute")

    def _on_commit(self, connection: Connection) -> None:
        """Wait, if any step of the transaction wrote or locked a row: else nobody can tell."""
        has_steps, self._has_steps = self._has_steps, False
        with connection.connection.cursor() as cursor:
            cursor.execute("select pg_current_xact_id_if_assigned() is not null")
            if has_steps and cursor.fetchone()[0]:
                self._wait("commit")

    def _on_rollback(self, _connection: Connection) -> None:
        self._has_steps = False

    def _wait(self, label: str) -> None:
        with self.monitor:
            self.label, self.state = label, "waiting"
            self.monitor.notify_all()
            self.monitor.wait_for(lambda: self.state == "running" or self._is_stopped)
        if self._is_stopped:
            raise Stopped
