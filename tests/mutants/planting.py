"""Plants a violation after a day: its check has to find it, and no other check may."""

from __future__ import annotations

from sqlalchemy import Engine

from include.reconcile import violations
from tests import factories
from tests.mutants.mutant import Example, Mutant
from tests.mutants.scene import day
from tests.rows import execute

DAY_AFTER = "2026-01-02"


def run_a_day(engine: Engine) -> int:
    """Card 1 expires (100 points), card 2 is warned (50), card 3 is active (30)."""
    program = factories.program(engine)
    factories.card(engine, program, points=100)
    factories.card(engine, program, points=50, last_activity_at="2025-01-10T12:00Z")
    factories.card(engine, program, points=30, last_activity_at="2025-12-01T12:00Z")
    return day(engine, DAY_AFTER)


def found(engine: Engine, run_id: int | None = None) -> set[str]:
    return {violation.check for violation in violations(engine, run_id)}


def reseal(engine: Engine) -> None:
    """Take the fingerprints anew, so that only the planted check can find it."""
    execute(engine, "update loyalty.expiration_runs set digest = loyalty.run_digest(id)")


def planted(name: str, check: str, *statements: str) -> Example:
    """After a day somebody plants a violation; its check finds it, and no other does."""

    def example(engine: Engine) -> None:
        run_a_day(engine)
        for statement in statements:
            execute(engine, statement)
        if not check.startswith("11"):
            reseal(engine)
        assert found(engine) == {check}

    example.__name__ = f"finds_{name}"
    return example


def blind(
    check: str, name: str, text: str, wrong: str, why: str, *statements: str, file: str = ""
) -> Mutant:
    """A check that does not see what the statements plant."""
    return Mutant(
        name, file or f"checks/{check}.sql", text, wrong, why, planted(name, check, *statements)
    )
