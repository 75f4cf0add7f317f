"""Definitions that migrations bring: languages, keys, views, constraints, rights and guards."""

from __future__ import annotations

from sqlalchemy import Engine

from include.cohorts import carry_out
from include.reconcile import violations
from include.runs import close_run
from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.scene import answer, change, day, selected, warnings
from tests.rows import balance, rows

SHARED = "migrations/0002_pipeline_tables/02_create_views_and_functions.sql"
TABLES = "migrations/0002_pipeline_tables/01_create_tables.sql"
EXTENDED = "migrations/0004_held_and_reinstated/03_replace_views_and_functions.sql"
UNDECIDED = "migrations/0014_undecided_cards/01_create_function.sql"
GRANTS = "migrations/0005_roles/03_grant_rights.sql"
GUARDS = "migrations/0005_roles/04_guard_closed_runs.sql"
APPLICATION = "migrations/0001_application_tables/04_add_constraints.sql"
DAY_AFTER = "2026-01-02"
STAGE_DAY = "2025-12-18"


def language_is_the_customers_then_the_stores_then_english(engine: Engine) -> None:
    chosen = "select loyalty.mail_language(%(customer)s, %(store)s)"
    for customer, store, language in (
        ("FR", "de", "fr"), (" lb ", "de", "lb"), ("de_AT", "fr", "de"), ("pt", "FR_lu", "fr"),
        (None, "lb", "lb"), ("pt", "es", "en"), (None, None, "en"),
    ):  # fmt: skip
        assert rows(engine, chosen, customer=customer, store=store) == [(language,)]


def keys_and_fingerprints_are_the_same_in_every_session(engine: Engine) -> None:
    factories.card(engine)
    day(engine, DAY_AFTER)
    seen = set()
    for zone in ("UTC", "Asia/Tokyo"):
        with engine.begin() as connection:
            connection.exec_driver_sql(f"set local timezone = '{zone}'")
            statement = """
                select loyalty.run_digest(1),
                    loyalty.warning_occurrence_key(1, last_activity_at, 14)
                from loyalty.loyalty_cards
            """
            seen.add(tuple(connection.exec_driver_sql(statement).one()))
    assert len(seen) == 1


def stages_and_cycles_have_keys_of_their_own(engine: Engine) -> None:
    key = "loyalty.warning_occurrence_key"
    distinct = f"""
        select count(distinct keys) from unnest(array[
            {key}(1, '2025-01-01 12:00+00', 14), {key}(2, '2025-01-01 12:00+00', 14),
            {key}(1, '2025-01-01 12:00:00.000001+00', 14), {key}(1, '2025-01-01 12:00+00', 3)
        ]) as keys
    """
    assert rows(engine, distinct) == [(4,)]


def superseded_and_put_off_warnings_go_again_and_no_others(engine: Engine) -> None:
    # Superseded, put off too often, refused for good: the first two are queued again.
    cards = [factories.card(engine) for _ in range(3)]
    day(engine, STAGE_DAY)
    answer(engine, STAGE_DAY, status="failed")
    change(engine, "email_logs", where="card_id = 1", status="superseded")
    change(engine, "expiration_notices", where="card_id in (1, 2)", opened_on=None)
    day(engine, "2025-12-19")
    assert [card for card, *_ in warnings(engine)[3:]] == cards[:2]


def next_cycle_is_carried_out_as_well(engine: Engine) -> None:
    program = factories.program(engine, points_expiration_days=20, warning_days=[5])
    card = factories.card(engine, program, last_activity_at="2026-01-01T12:00Z")
    day(engine, "2026-01-16")
    day(engine, "2026-01-22")
    factories.earn(engine, card, 10, "2026-02-01T12:00Z")
    day(engine, "2026-02-16")
    assert len(warnings(engine)) == 2
    day(engine, "2026-02-22")
    assert balance(engine, card) == 0


def next_cycle_is_skipped_as_well(engine: Engine) -> None:
    program = factories.program(engine, points_expiration_days=20, warning_days=[5])
    card = factories.card(engine, program, last_activity_at="2026-01-01T12:00Z")
    day(engine, "2026-01-16")
    day(engine, "2026-01-22")
    factories.earn(engine, card, 10, "2026-02-01T12:00Z")
    for today, kind in (("2026-02-16", "warning"), ("2026-02-22", "expiry")):
        run_id = selected(engine, today, kind)
        factories.adjust(engine, card, -10, f"{today}T01:00Z")
        carry_out(engine, run_id, kind)
        close_run(engine, run_id)
        factories.adjust(engine, card, 10, f"{today}T03:00Z")
    skips = "select kind, reason from loyalty.expiration_skips order by run_id, kind"
    assert rows(engine, skips) == [("warning", "emptied"), ("expiry", "emptied")]


def closed_runs_keep_their_fingerprint_when_points_come_back(engine: Engine) -> None:
    factories.card(engine)
    day(engine, DAY_AFTER)
    ((transaction_id,),) = rows(engine, "select transaction_id from loyalty.expirations")
    factories.reinstate(engine, transaction_id, "2026-01-05T12:00Z")
    assert violations(engine, None) == []


def fingerprint_covers_plan_report_deeds_and_skips(engine: Engine) -> None:
    factories.card(engine)
    factories.card(engine, last_activity_at="2025-01-10T12:00Z")
    day(engine, DAY_AFTER)
    for table, columns in (
        ("expiration_run_programs", {"points_outstanding": 5}),
        ("expiration_cohort_members", {"points": 99}),
        ("expiration_warnings", {"points": 99}),
        ("expirations", {"due_on": "2025-12-31"}),
    ):
        before = rows(engine, "select loyalty.run_digest(1)")
        change(engine, table, **columns)
        assert rows(engine, "select loyalty.run_digest(1)") != before


MUTANTS = (
    Mutant(
        "language_in_capitals_is_unknown",
        SHARED,
        "lower(trim(customer_language))",
        "trim(customer_language)",
        "FR is French.",
        language_is_the_customers_then_the_stores_then_english,
    ),
    Mutant(
        "language_of_a_region_is_unknown",
        SHARED,
        "split_part(replace(lower(trim(store_language)), '_', '-'), '-', 1)",
        "split_part(lower(trim(store_language)), '-', 1)",
        "fr_LU is French.",
        language_is_the_customers_then_the_stores_then_english,
    ),
    Mutant(
        "languages_are_mixed_up",
        SHARED,
        "(array['en', 'fr', 'de', 'lb'])[array_position(\n"
        "        array['en', 'fr', 'de', 'lb'],\n"
        "        split_part(replace(lower(trim(customer_language))",
        "(array['en', 'de', 'fr', 'lb'])[array_position(\n"
        "        array['en', 'fr', 'de', 'lb'],\n"
        "        split_part(replace(lower(trim(customer_language))",
        "A customer who reads French gets French.",
        language_is_the_customers_then_the_stores_then_english,
    ),
    Mutant(
        "nobodys_language_is_french",
        SHARED,
        "    'en'\n);",
        "    'fr'\n);",
        "Without a language known it is English.",
        language_is_the_customers_then_the_stores_then_english,
    ),
    Mutant(
        "warning_key_depends_on_the_session",
        SHARED,
        "to_char(cycle_started_at at time zone 'UTC',",
        "to_char(cycle_started_at,",
        "In another session the same warning would be another occurrence.",
        keys_and_fingerprints_are_the_same_in_every_session,
    ),
    Mutant(
        "fingerprint_depends_on_the_session",
        EXTENDED,
        "set timezone = 'UTC'\n",
        "",
        "The text form of an instant follows the session's time zone.",
        keys_and_fingerprints_are_the_same_in_every_session,
    ),
    Mutant(
        "warning_key_cuts_the_cycle_to_seconds",
        SHARED,
        "HH24MISS.US",
        "HH24MISS",
        "Two activities of one second are two cycles.",
        stages_and_cycles_have_keys_of_their_own,
    ),
    Mutant(
        "warning_key_forgets_the_stage",
        SHARED,
        "    stage_days\n);",
        "    0\n);",
        "Every stage is a warning of its own.",
        stages_and_cycles_have_keys_of_their_own,
    ),
    Mutant(
        "superseded_warning_stands",
        SHARED,
        "mails.status <> 'superseded'",
        "mails.status <> 'lost'",
        "Should the cycle become eligible again, the same row is queued again.",
        superseded_and_put_off_warnings_go_again_and_no_others,
    ),
    Mutant(
        "warning_put_off_too_often_stands",
        SHARED,
        "and not (mails.status = 'failed' and notices.opened_on is null)",
        "",
        "A warning that failed for the time being is queued again by the next day's run.",
        superseded_and_put_off_warnings_go_again_and_no_others,
    ),
    Mutant(
        "warning_refused_for_good_goes_again",
        SHARED,
        "and not (mails.status = 'failed' and notices.opened_on is null)",
        "and mails.status <> 'failed'",
        "An address that is refused for good is refused every day.",
        superseded_and_put_off_warnings_go_again_and_no_others,
    ),
    Mutant(
        "expiry_of_another_run_hides_a_card_from_the_chunks",
        UNDECIDED,
        "expirations.run_id = undecided_cards.wanted_run_id",
        "true",
        "The next cycle of the card would never expire.",
        next_cycle_is_carried_out_as_well,
    ),
    Mutant(
        "expiry_of_another_run_decides_the_plan",
        EXTENDED,
        "and expirations.run_id = members.run_id",
        "",
        "Why the next cycle of the card was left out would never be said.",
        next_cycle_is_skipped_as_well,
    ),
    Mutant(
        "warning_of_another_run_hides_a_card_from_the_chunks",
        UNDECIDED,
        "warnings.run_id = undecided_cards.wanted_run_id",
        "true",
        "The next cycle of the card would never be warned.",
        next_cycle_is_carried_out_as_well,
    ),
    Mutant(
        "warning_of_another_run_decides_the_plan",
        EXTENDED,
        "and warnings.run_id = members.run_id",
        "",
        "Why the next cycle of the card was left out would never be said.",
        next_cycle_is_skipped_as_well,
    ),
    Mutant(
        "fingerprint_covers_what_came_back",
        EXTENDED,
        "to_jsonb(expirations) - 'reinstated_by' - 'usable_until'",
        "to_jsonb(expirations) - 'usable_until'",
        "Giving back is the one change that a closed run allows.",
        closed_runs_keep_their_fingerprint_when_points_come_back,
    ),
    Mutant(
        "fingerprint_forgets_the_newer_figures",
        EXTENDED,
        "newer.name = any(program_rows.newer_names)",
        "false",
        "A change of the size check's figures is a change of the report.",
        fingerprint_covers_plan_report_deeds_and_skips,
    ),
    Mutant(
        "fingerprint_forgets_the_warnings",
        EXTENDED,
        "where warnings.run_id = run_digest.wanted_run_id",
        "where warnings.run_id is null",
        "What was done is part of what never changes.",
        fingerprint_covers_plan_report_deeds_and_skips,
    ),
)
