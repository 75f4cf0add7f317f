"""How the statements of a chunk are planned, whatever the cards are like."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include.cohorts import CARRY_OUT_STAGE, SELECT_STAGE, carry_out, select_cohort
from include.database import CHUNK, CLAIMING, MAILER, SELECTION, statements, transaction
from include.prepared import forms_of, is_marked
from include.runs import RunRequest, open_run
from tests.factories import card, program
from tests.rows import execute


@pytest.mark.parametrize("stage", ["expire_points", "queue_warnings"])
def test_a_chunk_looks_for_no_card_by_its_instant(engine, stage):
    # A card has its own instant, as a rule, so the planner would trust in it; but those of an
    # import share one.
    home = program(engine, points_expiration_days=30)
    first = card(engine, home, last_activity_at="2026-02-01T12:00Z")
    clones = """
        insert into loyalty.loyalty_cards (program_id, merchant_id, customer_id, card_number,
            points_balance, last_activity_at)
        select program_id, merchant_id, customer_id, 'clone ' || number, 10,
            last_activity_at + greatest(number, 0) * interval '1 second'
        from loyalty.loyalty_cards cross join generate_series(-2000, 8000) as numbers (number)
        where id = %(first)s
    """
    execute(engine, clones, first=first)
    execute(engine, "analyze loyalty.loyalty_cards")
    binds = {"run_id": 1, "card_ids": [first, first + 1], "booked_at": "2026-03-10T02:00Z"}
    with transaction(engine) as connection:
        explained = (
            connection.exec_driver_sql(f"explain {statements(stage)[0]}", binds).scalars().all()
        )
    plan = "\n".join(explained)
    assert "loyalty_cards_pkey" in plan
    assert "loyalty_cards_inactivity_idx" not in plan


CLONES = """
    insert into loyalty.loyalty_cards (program_id, merchant_id, customer_id, card_number,
        points_balance, last_activity_at)
    select program_id, merchant_id, customer_id, 'clone ' || number, 10, last_activity_at
    from loyalty.loyalty_cards cross join generate_series(1, 2000) as numbers (number)
"""


def one_card_due(engine, kind):
    home = program(engine, points_expiration_days=30, warning_days=[14])
    due = {"warning": "2026-02-15", "expiry": "2026-02-01"}[kind]
    card(engine, home, last_activity_at=f"{due}T12:00Z")


@pytest.mark.parametrize("kind", ["warning", "expiry"])
def test_a_cohort_is_planned_again_by_the_key_of_the_plan(engine, at, kind):
    # Nobody has counted the plan's rows when it is selected again: it passes for empty.
    at("2026-03-10T02:00:00+00:00")
    one_card_due(engine, kind)
    execute(engine, "analyze")
    execute(engine, CLONES)
    run_id = open_run(engine, RunRequest("plans", "day", datetime(2026, 3, 10, 2, tzinfo=UTC)))
    assert select_cohort(engine, run_id, kind).cards_planned == 2001
    (statement,) = statements(SELECT_STAGE[kind])
    with transaction(engine) as connection:
        explain = f"explain (analyze, buffers, format json) {statement}"
        (told,) = connection.exec_driver_sql(explain, {"run_id": run_id}).scalar_one()
    # Three pages a card, by its key; a join that was made for an empty plan touched twenty.
    assert told["Plan"]["Shared Hit Blocks"] < 10 * 2001


@pytest.mark.parametrize("kind", ["warning", "expiry"])
def test_a_first_cohort_is_not_looked_up_in_what_it_plans_itself(engine, at, kind):
    # The plan was empty when its rows were counted; so it is read from end to end.
    at("2026-03-10T02:00:00+00:00")
    one_card_due(engine, kind)
    execute(engine, CLONES)
    execute(engine, "analyze")
    run_id = open_run(engine, RunRequest("plans", "day", datetime(2026, 3, 10, 2, tzinfo=UTC)))
    (statement,) = statements(SELECT_STAGE[kind])
    with transaction(engine, SELECTION) as connection:
        explain = f"explain (analyze, buffers, format json) {statement}"
        (told,) = connection.exec_driver_sql(explain, {"run_id": run_id}).scalar_one()
    assert told["Plan"]["Shared Hit Blocks"] < 12 * 2001


PROGRAMS = """
    insert into loyalty.loyalty_programs (merchant_id, name, points_expiration_days, warning_days)
    select merchant_id, 'program ' || number, points_expiration_days, warning_days
    from loyalty.loyalty_programs cross join generate_series(2, %(programs_total)s) as n (number)
"""
SPREAD = """
    with numbered as (
        select id, row_number() over (order by id) as number, count(*) over () as total
        from loyalty.loyalty_programs
    )
    update loyalty.loyalty_cards as cards
    set program_id = numbered.id
    from numbered
    where numbered.number = 1 + mod(cards.id, numbered.total)
"""


@pytest.mark.parametrize("programs_total", [1, 5000])
@pytest.mark.parametrize("kind", ["warning", "expiry"])
def test_a_card_costs_the_same_however_many_programs_there_are(engine, at, kind, programs_total):
    at("2026-03-10T02:00:00+00:00")
    one_card_due(engine, kind)
    execute(engine, CLONES)
    execute(engine, PROGRAMS, programs_total=programs_total)
    execute(engine, SPREAD)
    execute(engine, "analyze")
    run_id = open_run(engine, RunRequest("plans", "day", datetime(2026, 3, 10, 2, tzinfo=UTC)))
    (selection,) = statements(SELECT_STAGE[kind])
    with transaction(engine, SELECTION) as connection:
        assert pages(connection, selection, {"run_id": run_id}) < 12 * 2001 + 8 * programs_total
    members = "select card_id from loyalty.expiration_cohort_members order by card_id limit 1000"
    with transaction(engine, CHUNK) as connection:
        card_ids = list(connection.exec_driver_sql(members).scalars())
        assert len(card_ids) == 1000
        binds = {"run_id": run_id, "card_ids": card_ids, "booked_at": "2026-03-10T02:00Z"}
        # Reading the programs from end to end would touch as many pages again for each card.
        assert pages(connection, statements(CARRY_OUT_STAGE[kind])[0], binds) < 110 * 1000


def test_late_activity_is_looked_for_once_per_expiry(engine, at):
    # The expiries were none when their rows were counted.
    at("2026-03-10T02:00:00+00:00")
    one_card_due(engine, "expiry")
    execute(engine, CLONES)
    execute(engine, PROGRAMS, programs_total=100)
    execute(engine, SPREAD)
    execute(engine, "analyze")
    as_of = datetime(2026, 3, 10, 2, tzinfo=UTC)
    run_id = open_run(engine, RunRequest("plans", "day", as_of))
    select_cohort(engine, run_id, "expiry")
    assert carry_out(engine, run_id, "expiry").cards_done == 2001
    # Half of them come back.
    execute(
        engine,
        "update loyalty.loyalty_cards set last_activity_at = '2026-03-10T01:00Z'"
        " where mod(id, 2) = 0",
    )
    run_id = open_run(engine, RunRequest("plans", "next", as_of))
    (statement,) = statements(SELECT_STAGE["reinstatement"])
    with transaction(engine, SELECTION) as connection:
        # Joined with every program, each would have been looked at a hundred times.
        assert pages(connection, statement, {"run_id": run_id}) < 20 * 2001


def pages(connection, statement, binds):
    """Return how many pages a statement touches when it is carried out as the pipeline does it."""
    execution = statement
    if is_marked(statement):
        forms = forms_of(statement)
        connection.connection.cursor().execute(forms.definition)
        execution = forms.execution
    explain = f"explain (analyze, buffers, format json) {execution}"
    (told,) = connection.exec_driver_sql(explain, binds).scalar_one()
    # What a step of `with` touches is told there alone.
    parts = [told["Plan"], *told["Plan"]["Plans"]]
    return sum(part["Shared Hit Blocks"] for part in parts)


def test_a_batch_is_claimed_without_reading_the_queue(engine):
    # The queue was empty when its rows were counted last.
    home = program(engine)
    first = card(engine, home)
    execute(engine, "analyze")
    fill = """
        insert into loyalty.email_logs (template_code, language, card_id, customer_id, merchant_id,
            occurrence_key, variables, status, queued_at)
        select 'loyalty_points_expired', 'en', id, customer_id, merchant_id, 'mail ' || number,
            '{}', 'queued', '2026-03-10T02:00Z'
        from loyalty.loyalty_cards cross join generate_series(1, 3000) as numbers (number)
        where id = %(first)s
    """
    execute(engine, fill, first=first)
    binds = {
        "template_codes": ["loyalty_points_expired"],
        "named_ids": None,
        "after_id": 0,
        "excluded_ids": [],
        "sent_at": "2026-03-10T02:00Z",
    }
    with transaction(engine, CLAIMING, role=MAILER) as connection:
        explain = f"explain (analyze, buffers, format json) {statements('claim_mail')[0]}"
        (told,) = connection.exec_driver_sql(explain, binds).scalar_one()
    # Locks on 50 mails and one card, and their way through the index; the queue has 90 pages.
    assert told["Plan"]["Shared Hit Blocks"] < 80
    assert "Sort" not in _kinds(told["Plan"]["Plans"][0])


def _kinds(node):
    return {node["Node Type"]}.union(*map(_kinds, node.get("Plans", [])))
