"""How the statements of a chunk are planned, whatever the cards are like."""

from __future__ import annotations

import pytest

from include.database import statements, transaction
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
