"""Judges the plays of a scene: every end must be the end of some serial order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Engine

from include.reconcile import violations
from include.runs import close_run
from tests.interleavings.gates import SILENT, Work
from tests.interleavings.orders import Choose, Play, Table, every_order, scripted, serial_orders
from tests.interleavings.scenes import End, Scene


@dataclass
class Verdict:
    """What all plays of a scene showed.

    Errors, ends of no serial order and broken invariants each name the order that led there.
    """

    orders: int = 0
    ends: int = 0
    ends_serial: int = 0
    blocked: int = 0
    standoffs: int = 0
    errors: list[str] = field(default_factory=list)
    strange_ends: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Everything that should not be."""
        return self.errors + self.strange_ends + self.broken

    def __str__(self) -> str:
        return (
            f"{self.orders} orders, {self.blocked} blocked steps, {self.standoffs} standoffs, "
            f"{self.ends} ends, {self.ends_serial} of serial orders, {len(self.faults)} faults"
        )


@dataclass
class Judge:
    """Plays a scene's sessions in every order and holds each end against the serial ones.

    `silent` steps have no gate of their own. What a `dispensable` session passes over it leaves to
    a later one of its kind, so that ends without it are right as well.
    """

    engine: Engine
    silent: frozenset[str] = SILENT
    dispensable: str | None = None

    def judge(self, **works: Work) -> Verdict:
        """Play every order; each end is compared, card by card, with those of the serial orders.

        Card by card because the pipeline decides so: a chunk promises nothing about two cards.
        """
        scene, verdict, table = Scene(self.engine), Verdict(), self._table()

        def play(choose: Choose, cast: Mapping[str, Work] = works) -> tuple[Play, End]:
            scene.reset()
            return table.play(cast, choose), scene.end()

        try:
            serial = list(serial_orders(play, list(works)))
            if self.dispensable:
                others = {name: works[name] for name in works if name != self.dispensable}
                serial += serial_orders(partial(play, cast=others), list(others))
            allowed = {part for _, end in serial for part in end.parts}
            self._judge_all(verdict, scene, play, allowed)
        finally:
            table.close()
        verdict.errors += [fault for played, _ in serial for fault in _errors(played)]
        verdict.ends_serial = len({end.parts for _, end in serial})
        print(f"{' x '.join(works)}: {verdict}")
        return verdict

    def play_once(self, script: Sequence[tuple[str, str]], **works: Work) -> Play:
        """Play the one order that a script begins, and leave the rows as it ends."""
        table = self._table()
        try:
            return table.play(works, scripted(script))
        finally:
            table.close()

    def _table(self) -> Table:
        return Table(self.engine.url.render_as_string(hide_password=False), self.silent)

    def _judge_all(
        self,
        verdict: Verdict,
        scene: Scene,
        play: Callable[[Choose], tuple[Play, End]],
        allowed: set[object],
    ) -> None:
        proven: set[End] = set()
        for played, end in every_order(play):
            verdict.orders += 1
            verdict.blocked += len(played.blocked)
            verdict.standoffs += played.standoffs
            verdict.errors += _errors(played)
            verdict.strange_ends += [
                f"no serial order ends like this: {part}\n    after {played}"
                for part in end.parts
                if part not in allowed
            ]
            if end not in proven:
                proven.add(end)
                verdict.broken += self._broken_invariants(scene, played)
        verdict.ends = len({end.parts for end in proven})

    def _broken_invariants(self, scene: Scene, played: Play) -> list[str]:
        """Close what is open and ask all checks; an end that was proven needs no second proof."""
        for run_id in scene.open_runs():
            close_run(self.engine, run_id)
        return [f"{violation}\n    after {played}" for violation in violations(self.engine, None)]


def _errors(played: Play) -> list[str]:
    return [f"{name} saw {error!r}\n    after {played}" for name, error in played.errors.items()]
