"""What an expiry writes: one ledger row, exactly its amount off the balance, one mail."""

from __future__ import annotations

from sqlalchemy import Engine

from include.cohorts import carry_out
from tests import factories
from tests.mutants.mutant import Equivalent, Mutant
from tests.mutants.scene import answer, day, selected
from tests.rows import balance, rows

POST = "expire_points/01_post_expirations.sql"
PLANNED = (
    "(select members.points from loyalty.expiration_cohort_members as members"
    " where members.run_id = %(run_id)s::bigint and members.card_id = entries.card_id"
    " and members.kind = 'expiry')"
)
DAY_AFTER = "2026-01-02"


def expiry_writes_what_it_takes_and_moves_nothing_else(engine: Engine) -> None:
    card = factories.card(engine, points=100, stamps=3)
    factories.redeem(engine, card, 30, "2025-01-01T12:00Z")
    others = """
        select to_jsonb(cards) - '{points_balance,total_points_voided}'::text[]
        from loyalty.loyalty_cards as cards
    """
    before = rows(engine, others)
    day(engine, "2026-01-02 02:00:05")
    # 100 earned - 30 redeemed = 70.
    ledger = """
        select points_delta, points_balance_after, stamps_delta, stamps_balance_after, store_id,
            notes, transaction_at::text
        from loyalty.loyalty_transactions where transaction_type = 'points_expired'
    """
    notes = "Points expired after 365 days of inactivity"
    assert rows(engine, ledger) == [(-70, 0, 0, 3, None, notes, "2026-01-02 02:00:05+00")]
    totals = "select points_balance, total_points_voided from loyalty.loyalty_cards"
    assert rows(engine, totals) == [(0, 70)]
    assert rows(engine, others) == before


def points_adjusted_after_the_plan_go_with_the_rest(engine: Engine) -> None:
    card = factories.card(engine, points=100)
    run_id = selected(engine, DAY_AFTER, "expiry")
    factories.adjust(engine, card, 20, "2026-01-02T02:00Z")
    carry_out(engine, run_id, "expiry")
    taken = """
        select points, points_delta, (variables ->> 'points')::int
        from loyalty.expirations
        join loyalty.loyalty_transactions as ledger on ledger.id = transaction_id
        join loyalty.email_logs on occurrence_key = 'expired:' || transaction_id
    """
    assert rows(engine, taken) == [(120, -120, 120)]
    assert balance(engine, card) == 0


def every_card_of_a_chunk_has_its_own_books(engine: Engine) -> None:
    program = factories.program(engine)
    few, many = (factories.card(engine, program, points=points) for points in (100, 250))
    day(engine, DAY_AFTER)
    booked = """
        select ledger.card_id, expirations.card_id, mails.card_id, -ledger.points_delta,
            expirations.points, (mails.variables ->> 'points')::int, cards.points_balance
        from loyalty.expirations
        join loyalty.loyalty_transactions as ledger on ledger.id = transaction_id
        join loyalty.email_logs as mails on occurrence_key = 'expired:' || transaction_id
        join loyalty.loyalty_cards as cards on cards.id = ledger.card_id
        order by ledger.card_id
    """
    assert rows(engine, booked) == [
        (few, few, few, 100, 100, 100, 0),
        (many, many, many, 250, 250, 250, 0),
    ]


def balance_moves_only_with_a_ledger_row(engine: Engine) -> None:
    # One card is expired, the other's customer came back between plan and deed.
    program = factories.program(engine)
    factories.card(engine, program)
    came_back = factories.card(engine, program)
    run_id = selected(engine, DAY_AFTER, "expiry")
    factories.earn(engine, came_back, 5, "2026-01-02T02:00Z")
    carry_out(engine, run_id, "expiry")
    assert balance(engine, came_back) == 105


def each_expiry_has_one_mail_with_its_own_facts(engine: Engine) -> None:
    store = factories.store(engine, factories.merchant(engine), default_language="fr")
    program = factories.program(engine, merchant_id=1)
    reader = factories.customer(engine, preferred_language="de")
    factories.card(engine, program, customer_id=reader, enrolled_at_store_id=store)
    other = factories.card(engine, program, last_activity_at="2025-01-02T12:00Z")
    mails = """
        select card_id, language, occurrence_key = 'expired:' || transaction_id,
            status, variables ->> 'expiration_date'
        from loyalty.email_logs join loyalty.expirations using (card_id)
        where template_code = 'loyalty_points_expired' order by card_id
    """
    day(engine, "2026-01-02")
    day(engine, "2026-01-03")
    assert rows(engine, mails) == [
        (1, "de", True, "queued", "2026-01-01"), (other, "en", True, "queued", "2026-01-02"),
    ]  # fmt: skip


def expired_mail_names_the_promised_date(engine: Engine) -> None:
    factories.card(engine)
    day(engine, "2025-12-18")
    answer(engine, "2025-12-18", promised_on="2026-01-10")
    day(engine, "2026-01-11")
    named = """
        select usable_until::text, variables ->> 'expiration_date'
        from loyalty.expirations
        join loyalty.email_logs on occurrence_key = 'expired:' || transaction_id
    """
    assert rows(engine, named) == [("2026-01-10", "2026-01-10")]


def mail_counts_the_local_days_of_inactivity(engine: Engine) -> None:
    program = factories.program(engine, time_zone="Europe/Luxembourg")
    factories.card(engine, program, last_activity_at="2024-12-31T23:30Z")
    day(engine, DAY_AFTER)
    told = "select variables ->> 'inactivity_days' from loyalty.email_logs"
    assert rows(engine, told) == [("365",)]


MUTANTS = (
    Mutant(
        "takes_the_planned_points",
        POST,
        "        cards.points_balance,\n",
        "        (\n"
        "            select members.points\n"
        "            from loyalty.expiration_cohort_members as members\n"
        "            where members.run_id = %(run_id)s::bigint and members.kind = 'expiry'\n"
        "                and members.card_id = cards.id\n"
        "        ) as points_balance,\n",
        "The balance may have moved since the plan; what is there expires.",
        points_adjusted_after_the_plan_go_with_the_rest,
    ),
    Mutant(
        "debits_the_cohort_instead_of_the_ledger",
        POST,
        "    from entries\n    where cards.id = entries.card_id",
        "    from loyalty.expiration_cohort_members as entries\n    where\n"
        "        entries.run_id = %(run_id)s::bigint and entries.kind = 'expiry'\n"
        "        and cards.id = entries.card_id",
        "Driven from the plan, a balance loses points without a ledger row, or twice.",
        balance_moves_only_with_a_ledger_row,
        also=(
            (
                "cards.points_balance + entries.points_delta",
                "cards.points_balance - entries.points",
            ),
            (
                "cards.total_points_voided - entries.points_delta",
                "cards.total_points_voided + entries.points",
            ),
        ),
    ),
    Mutant(
        "debits_twice",
        POST,
        "cards.points_balance + entries.points_delta",
        "cards.points_balance + 2 * entries.points_delta",
        "Exactly what the ledger row says is taken.",
        expiry_writes_what_it_takes_and_moves_nothing_else,
    ),
    Mutant(
        "credits_instead_of_debiting",
        POST,
        "cards.points_balance + entries.points_delta",
        "cards.points_balance - entries.points_delta",
        "An expiry takes points.",
        expiry_writes_what_it_takes_and_moves_nothing_else,
    ),
    Mutant(
        "voided_total_does_not_grow",
        POST,
        "cards.total_points_voided - entries.points_delta",
        "cards.total_points_voided",
        "What expired is counted as voided.",
        expiry_writes_what_it_takes_and_moves_nothing_else,
    ),
    Mutant(
        "expiry_moves_the_activity",
        POST,
        "total_points_voided = cards",
        "last_activity_at = %(booked_at)s::timestamptz,\n        total_points_voided = cards",
        "An expiry is no activity: it would start a new cycle.",
        expiry_writes_what_it_takes_and_moves_nothing_else,
    ),
    Mutant(
        "ledger_row_forgets_the_stamps",
        POST,
        "due_members.stamp_count as stamps_balance_after",
        "0 as stamps_balance_after",
        "Stamps stay, and the ledger says how many there are.",
        expiry_writes_what_it_takes_and_moves_nothing_else,
    ),
    Mutant(
        "books_by_another_clock",
        POST,
        "%(booked_at)s::timestamptz as transaction_at",
        "clock_timestamp() as transaction_at",
        "There is one clock, and no SQL reads another.",
        expiry_writes_what_it_takes_and_moves_nothing_else,
    ),
    Mutant(
        "expiry_forgets_the_promised_date",
        POST,
        "array_agg(due_members.usable_until order",
        "array_agg(due_members.due_on order",
        "Late activity and the mail go by the day until which the points could be used.",
        expired_mail_names_the_promised_date,
    ),
    Mutant(
        "mail_tells_the_planned_points",
        POST,
        "'points', -entries.points_delta",
        f"'points', {PLANNED}",
        "The mail reports the fact, not the plan.",
        points_adjusted_after_the_plan_go_with_the_rest,
    ),
    Mutant(
        "expiration_tells_the_planned_points",
        POST,
        "-entries.points_delta as points",
        f"{PLANNED} as points",
        "The expiry reports the fact, not the plan.",
        points_adjusted_after_the_plan_go_with_the_rest,
    ),
    Mutant(
        "mail_counts_utc_days_of_inactivity",
        POST,
        "'inactivity_days', entries.inactivity_days",
        "'inactivity_days', entries.due_on - (entries.cycle_started_at at time zone 'UTC')::date",
        "The mail says as many days as the ledger row.",
        mail_counts_the_local_days_of_inactivity,
    ),
    Mutant(
        "expiry_mail_is_keyed_by_the_card",
        POST,
        "loyalty.expiry_occurrence_key(entries.transaction_id)",
        "loyalty.expiry_occurrence_key(entries.card_id)",
        "A card may expire again in a later cycle; the ledger row names the occurrence.",
        each_expiry_has_one_mail_with_its_own_facts,
    ),
    Mutant(
        "one_card_gets_the_ledger_row_of_another",
        POST,
        "array_agg(posted.id order by posted.card_id)",
        "array_agg(posted.id order by posted.card_id desc)",
        "An expiry and its mail name the card's own ledger row.",
        every_card_of_a_chunk_has_its_own_books,
    ),
    Mutant(
        "one_card_loses_the_points_of_another",
        POST,
        "array_agg(posted.points_delta order by posted.card_id)",
        "array_agg(posted.points_delta order by posted.card_id desc)",
        "From a balance goes what the card's own ledger row says.",
        every_card_of_a_chunk_has_its_own_books,
    ),
    Mutant(
        "store_language_before_the_customers",
        POST,
        "loyalty.mail_language(customers.preferred_language, stores.default_language)",
        "loyalty.mail_language(stores.default_language, customers.preferred_language)",
        "The customer's language comes before the store's.",
        each_expiry_has_one_mail_with_its_own_facts,
    ),
)

EQUIVALENT = (
    Equivalent(
        "balance_set_to_zero",
        POST,
        "points_balance = cards.points_balance + entries.points_delta",
        "points_balance = 0",
        "The card is locked from before its balance was read, and its ledger row takes all of it.",
    ),
)
