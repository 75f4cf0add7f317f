"""Held plans: what a person can approve, what lapses, and which word stands."""

from __future__ import annotations

from sqlalchemy import Engine

from include import decisions
from include.cohorts import carry_out
from include.errors import ConfigurationError
from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.scene import change, day, planned, refusal
from tests.mutants.topics.holding import DUE, held_program, idle_cards
from tests.rows import balance, rows

JUDGE = "check_size/01_judge_programs.sql"
FIND = "decide_run/01_find_overtaking_run.sql"
DECIDE = "decide_run/02_record_decision.sql"
OPEN = "open_held_run/01_insert_run.sql"


def opened(engine: Engine, plan: decisions.HeldPlan) -> int:
    return decisions.open_held_run(engine, dag_id="held", dag_run_id="held", plan=plan)


def approved_plan_is_the_held_programs_own(engine: Engine) -> None:
    another = factories.program(engine, size_check_cards=1)
    idle_cards(engine, another, 2)
    run_id = opened(engine, held_program(engine))
    assert planned(engine, run_id) == [3, 4, 5]
    assert decisions.decide(engine, run_id, "expiry", "approved", "nora") == "approved"
    carry_out(engine, run_id, "expiry")
    assert [balance(engine, card) for card in range(1, 6)] == [10, 10, 0, 0, 0]


def program_that_passed_cannot_be_approved(engine: Engine) -> None:
    passed = factories.program(engine)
    idle_cards(engine, passed, 1)
    plan = decisions.HeldPlan(day(engine, DUE), passed)
    assert "does not hold program" in refusal(ConfigurationError, opened, engine, plan)


def dry_run_holds_nothing_to_approve(engine: Engine) -> None:
    program = factories.program(engine, size_check_cards=2)
    idle_cards(engine, program, 3)
    plan = decisions.HeldPlan(day(engine, DUE, dry_run=True), program)
    assert "does not hold program" in refusal(ConfigurationError, opened, engine, plan)


def later_proposal_lets_the_plan_lapse(engine: Engine) -> None:
    run_id = opened(engine, held_program(engine))
    day(engine, "2026-03-03")
    assert decisions.decide(engine, run_id, "expiry", "approved", "nora") == "lapsed"
    carry_out(engine, run_id, "expiry")
    assert [balance(engine, card) for card in (1, 2, 3)] == [10, 10, 10]


def dry_run_and_other_verdicts_let_no_plan_lapse(engine: Engine) -> None:
    plan = held_program(engine)
    run_id = opened(engine, plan)
    day(engine, "2026-03-03", dry_run=True)
    # The limit is raised and the cards come back: the program passes with an empty cohort.
    change(engine, "loyalty_programs", size_check_cards=10)
    for card in (1, 2, 3):
        factories.earn(engine, card, 1, "2026-03-02T12:00Z")
    day(engine, "2026-03-03")
    assert decisions.decide(engine, run_id, "expiry", "approved", "nora") == "approved"


def first_decision_stands(engine: Engine) -> None:
    run_id = opened(engine, held_program(engine))
    decisions.decide(engine, run_id, "expiry", "rejected", "nora")
    assert decisions.decide(engine, run_id, "expiry", "approved", "theo") == "rejected"
    decided = "select decided_by from loyalty.expiration_runs where id = %(id)s"
    assert rows(engine, decided, id=run_id) == [("nora",)]


MUTANTS = (
    Mutant(
        "plans_of_other_held_programs_are_copied",
        "open_held_run/04_copy_plan.sql",
        "and members.program_id = %(program_id)s::bigint",
        "",
        "Exactly the plan that was shown is carried out.",
        approved_plan_is_the_held_programs_own,
    ),
    Mutant(
        "program_that_passed_is_opened",
        OPEN,
        "and held_programs.size_check = 'held'",
        "",
        "Only a held plan waits for a decision.",
        program_that_passed_cannot_be_approved,
    ),
    Mutant(
        "dry_runs_plan_is_opened",
        OPEN,
        "and not held_runs.dry_run",
        "",
        "A dry run leads to nothing that could be approved.",
        dry_run_holds_nothing_to_approve,
    ),
    Mutant(
        "plan_overtakes_itself",
        FIND,
        "and later.id > waiting.held_run_id",
        "and later.id >= waiting.held_run_id",
        "Only a later daily run lets a plan lapse.",
        approved_plan_is_the_held_programs_own,
    ),
    Mutant(
        "dry_run_overtakes",
        FIND,
        "and not later.dry_run",
        "",
        "A dry run proposes nothing to anybody.",
        dry_run_and_other_verdicts_let_no_plan_lapse,
    ),
    Mutant(
        "verdict_of_another_kind_overtakes",
        FIND,
        "and later_programs.size_check = 'held'",
        "",
        "A later run that does not hold the program proposes no plan in its place.",
        dry_run_and_other_verdicts_let_no_plan_lapse,
    ),
    Mutant(
        "lapsed_plan_is_carried_out",
        DECIDE,
        "case when %(is_overtaken)s::boolean then 'lapsed' else %(answer)s::text end",
        "%(answer)s::text",
        "A newer plan waits for a decision; two would take the points by an old one.",
        later_proposal_lets_the_plan_lapse,
    ),
    Mutant(
        "last_decision_stands",
        DECIDE,
        "    decision = coalesce(\n        runs.decision,\n",
        "    decision = coalesce(\n",
        "A task that runs twice must not turn a rejection into an approval.",
        first_decision_stands,
    ),
)
