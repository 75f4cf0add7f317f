"""Plays sessions against each other in every order of their steps.

As in PostgreSQL's isolation tester, a step that waits for another session's lock is noticed and
the others go on; its session is back in the game when the lock is free.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, TypeVar

from sqlalchemy import NullPool, create_engine, make_url

from tests.interleavings.gates import SILENT, Session, Work

# Given the sessions at a gate, each with its next step, picks one.
Choose = Callable[[Mapping[str, str]], str]
Outcome = TypeVar("Outcome", bound=tuple[Any, ...])

PATIENCE_SECONDS = 60
POLL_SECONDS = 0.002
WHO_IS_BLOCKED = """
    select pid from unnest(%(running)s::integer[]) as pid
    where pg_blocking_pids(pid) && %(everybody)s::integer[]
"""


@dataclass(frozen=True)
class Choice:
    """One point of a play: the sessions that could go on, the one that did, and its step."""

    options: tuple[str, ...]
    taken: str
    label: str


@dataclass(frozen=True)
class Play:
    """One order of steps, which of them had to wait, and what went wrong.

    A standoff is a moment in which every session waits for another one's lock.
    """

    choices: tuple[Choice, ...]
    blocked: tuple[tuple[str, str], ...]
    standoffs: int
    errors: dict[str, BaseException]

    def __str__(self) -> str:
        return ", ".join(f"{choice.taken}: {choice.label}" for choice in self.choices)


class Table:
    """The sessions of a play, kept from one play to the next."""

    def __init__(self, url: str, silent: frozenset[str] = SILENT) -> None:
        self.silent = silent
        self._url = url
        self._monitor = threading.Condition()
        self._sessions: dict[str, Session] = {}
        observer = create_engine(make_url(url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._observer = observer.connect()

    def close(self) -> None:
        """Disconnect everybody."""
        self._observer.close()
        for session in self._sessions.values():
            session.engine.dispose()

    def play(self, works: Mapping[str, Work], choose: Choose) -> Play:
        """Play one order; `choose` picks among the sessions at a gate whenever there are some."""
        sessions = {name: self._seat(name) for name in works}
        self._blocked: list[str] = []
        choices: list[Choice] = []
        blocked: dict[tuple[str, str, int], None] = {}
        standoffs = 0
        try:
            for name, session in sessions.items():
                session.start(works[name], self.silent)
                self._settle(sessions)
            while any(session.state != "finished" for session in sessions.values()):
                options = {
                    name: session.label
                    for name, session in sessions.items()
                    if session.state == "waiting"
                }
                if not options:
                    standoffs += 1
                    self._await_end_of_standoff(sessions)
                    continue
                taken = choose(options)
                choices.append(Choice(tuple(options), taken, options[taken]))
                sessions[taken].let_through()
                for name in self._settle(sessions):
                    # One entry a step, however often it is seen waiting.
                    steps = sum(choice.taken == name for choice in choices)
                    blocked[name, sessions[name].label, steps] = None
        finally:
            self._end(sessions)
        errors = {name: session.error for name, session in sessions.items() if session.error}
        return Play(tuple(choices), tuple(key[:2] for key in blocked), standoffs, errors)

    def _seat(self, name: str) -> Session:
        if name not in self._sessions:
            self._sessions[name] = Session(self._url, self._monitor)
        return self._sessions[name]

    def _settle(self, sessions: Mapping[str, Session]) -> list[str]:
        """Wait until whoever runs is at a gate, finished or blocked; return the blocked."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with self._monitor:
                self._monitor.wait_for(
                    lambda: set(_running(sessions)) <= set(self._blocked), timeout=POLL_SECONDS
                )
            running = _running(sessions)
            self._blocked = self._who_is_blocked(sessions, running) if running else []
            if self._blocked == running:
                return running
        raise TimeoutError(f"{_running(sessions)} neither came to a gate nor wait for a lock")

    def _who_is_blocked(self, sessions: Mapping[str, Session], running: list[str]) -> list[str]:
        binds = {
            "running": [sessions[name].pid for name in running],
            "everybody": [session.pid for session in sessions.values()],
        }
        pids = set(self._observer.exec_driver_sql(WHO_IS_BLOCKED, binds).scalars())
        return [name for name in running if sessions[name].pid in pids]

    def _await_end_of_standoff(self, sessions: Mapping[str, Session]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            before = {name: session.state for name, session in sessions.items()}
            self._settle(sessions)
            if before != {name: session.state for name, session in sessions.items()}:
                return
        raise TimeoutError("nobody gave way in a standoff")

    def _end(self, sessions: Mapping[str, Session]) -> None:
        for session in sessions.values():
            session.stop()
        for session in sessions.values():
            session.join()


def _running(sessions: Mapping[str, Session]) -> list[str]:
    return [name for name, session in sessions.items() if session.state == "running"]


def every_order(play: Callable[[Choose], Outcome]) -> Iterator[Outcome]:
    """Play every order once: depth first, each time from the beginning.

    `play` returns a tuple that begins with the Play.
    """
    path: list[str] | None = []
    while path is not None:
        outcome = play(_following(path))
        yield outcome
        path = _next_path(outcome[0].choices)


def serial_orders(play: Callable[[Choose], Outcome], names: Sequence[str]) -> Iterator[Outcome]:
    """Play every order in which each session ends before the next one begins."""
    for order in permutations(names):
        yield play(_one_by_one(order))


def scripted(script: Sequence[tuple[str, str]]) -> Choose:
    """Let each session named through up to the step that begins so; then all as they come."""
    steps = list(script)

    def choose(options: Mapping[str, str]) -> str:
        if not steps:
            return next(iter(options))
        name, step = steps[0]
        if options[name].startswith(step):
            del steps[0]
        return name

    return choose


def _following(path: Sequence[str]) -> Choose:
    names = iter(path)

    def choose(options: Mapping[str, str]) -> str:
        name = next(names, next(iter(options)))
        if name not in options:
            raise AssertionError(f"{name} cannot go on here, though it could before: {options}")
        return name

    return choose


def _one_by_one(order: Sequence[str]) -> Choose:
    return lambda options: next(name for name in order if name in options)


def _next_path(choices: Sequence[Choice]) -> list[str] | None:
    taken = [choice.taken for choice in choices]
    for place in range(len(choices) - 1, -1, -1):
        options = choices[place].options
        later = options[options.index(taken[place]) + 1 :]
        if later:
            return [*taken[:place], later[0]]
    return None
