"""Judges the plays of a scene: every end must be the end of some serial order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Engine

from include.reconcile import violations
from include.runs import close_run
from tests.interleavings.gates import SILENT, Work
from tests.interleavings.orders import Choose, Play, Table, every_order, serial_orders
from tests.interleavings.scenes import End, Scene


@dataclass
class Verdict:
    """What all plays of a scene showed; `faults` is empty where every one was right."""

    orders: int = 0
    ends_serial: int = 0
    ends: int = 0
    blocked: int = 0
    standoffs: int = 0
    faults: list[str] = field(default_factory=list)


class Judge:
    """Plays a scene's sessions in every order and holds each end against the serial ones."""

    def __init__(self, engine: Engine, silent: frozenset[str] = SILENT) -> None:
        self.engine = engine
        self.url = engine.url.render_as_string(hide_password=False)
        self.silent = silent

    def judge(self, works: Mapping[str, Work]) -> Verdict:
        """Play every order; each end is compared, card by card, with those of the serial orders.

        Card by card because the pipeline decides so: a chunk promises nothing about two cards.
        """
        scene, table, verdict = Scene(self.engine), Table(self.url, self.silent), Verdict()

        def play(choose: Choose) -> Play:
            scene.reset()
            return table.play(works, choose)

        try:
            serial = [
                (self._note_errors(verdict, played), scene.end())[1]
                for played in serial_orders(play, list(works))
            ]
            self._judge_all(verdict, scene, play, serial)
        finally:
            table.close()
        return verdict

    def _judge_all(self, verdict: Verdict, scene: Scene, play, serial: list[End]) -> None:
        allowed = {part for end in serial for part in end.parts}
        proven: set[End] = set()
        for played in every_order(play):
            end = scene.end()
            verdict.orders += 1
            verdict.blocked += len(played.blocked)
            verdict.standoffs += played.standoffs
            self._note_errors(verdict, played)
            verdict.faults += [
                f"no serial order ends like this: {part}\n    after {played}"
                for part in end.parts
                if part not in allowed
            ]
            if end not in proven:
                proven.add(end)
                verdict.faults += self._broken_invariants(scene, played)
        verdict.ends, verdict.ends_serial = len({end.parts for end in proven}), len(set(serial))

    def _broken_invariants(self, scene: Scene, played: Play) -> list[str]:
        """Close what is open and ask all checks; equal ends need no second proof."""
        for run_id in scene.open_runs():
            close_run(self.engine, run_id)
        return [f"{violation}\n    after {played}" for violation in violations(self.engine, None)]

    def _note_errors(self, verdict: Verdict, played: Play) -> None:
        verdict.faults += [
            f"{name} saw {error!r}\n    after {played}" for name, error in played.errors.items()
        ]
