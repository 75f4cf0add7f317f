"""The history in a real database; most claims need only the first few hundred customers."""

from __future__ import annotations

from sqlalchemy import Engine

from include.replay.replay import Replay, history
from tests.replay.books import CUSTOMERS, LEDGER, UNTIL, assert_books_agree, count, do, load, read

TABLES = ["merchants", "stores", "customers", "loyalty_programs", "loyalty_cards"]
TABLES += ["loyalty_transactions"]
PIPELINE_TABLES = ["expiration_runs", "expiration_cohort_members", "expirations", "email_logs"]


def test_all_purchases_load_and_every_card_agrees_with_its_ledger(
    database: Engine, replay: Replay
) -> None:
    load(database, replay, UNTIL)
    past = history(replay, UNTIL)
    expected = [5, 12, 23_570, 7, 23_570, len(past.ledger)]
    assert [count(database, table) for table in TABLES] == expected
    assert [count(database, table) for table in PIPELINE_TABLES] == [0, 0, 0, 0]
    assert_books_agree(database)


def test_loaded_rows_are_those_of_the_history(database: Engine, few: Replay) -> None:
    load(database, few, UNTIL)
    past = history(few, UNTIL)
    rows = past.ledger.astype(object).where(past.ledger.notna(), None)
    columns = ["card_id", "store_id", "transaction_type", "points_delta", "points_balance_after"]
    expected = rows[[*columns, "transaction_at"]].itertuples(index=False, name=None)
    assert read(database, LEDGER) == list(expected)
    assert_books_agree(database)


def test_customers_keep_accents_and_97_has_no_address(database: Engine, few: Replay) -> None:
    load(database, few, UNTIL)
    found = read(
        database,
        "select id, email, first_name, last_name, preferred_language, email_suppressed_at "
        "from loyalty.customers where id in (1, 97) order by id",
    )
    names = few.customers.set_index("id")[["first_name", "last_name", "preferred_language"]]
    plain = names.astype(object).where(names.notna(), None)
    assert found == [
        (1, "customer-00001@example.com", *plain.loc[1], None),
        (97, None, *plain.loc[97], None),
    ]


def test_programs_have_the_settings_of_the_documentation(database: Engine, few: Replay) -> None:
    load(database, few, UNTIL)
    assert read(
        database,
        "select id, merchant_id, is_active, points_expiration_days, time_zone, warning_days, "
        "min_notice_days, stamps_target from loyalty.loyalty_programs order by id",
    ) == [
        (101, 1, True, 365, "Europe/Luxembourg", [14], 0, None),
        (201, 2, True, 180, "Europe/Paris", [14], 0, None),
        (301, 3, True, 270, "Europe/Berlin", [14], 0, None),
        (302, 3, False, 90, "Europe/Berlin", [14], 0, None),
        (401, 4, True, None, "Europe/London", [14], 0, None),
        (402, 4, True, 120, "America/New_York", [14], 0, None),
        (501, 5, True, 365, "Pacific/Auckland", [14], 0, None),
    ]


def test_later_rows_take_ids_above_those_of_the_replay(database: Engine, few: Replay) -> None:
    # History ends with the first purchase: 1 card, 2 ledger rows, 599 customers still to come.
    load(database, few, few.events["happened_at"].iloc[0].to_pydatetime())
    assert [count(database, table) for table in TABLES[2:]] == [1, 7, 1, 2]
    do(database, "insert into loyalty.customers (first_name) values ('New')")
    do(
        database,
        "insert into loyalty.loyalty_cards (program_id, merchant_id, customer_id, card_number) "
        "values (101, 1, 601, 'N')",
    )
    do(
        database,
        "insert into loyalty.loyalty_transactions (card_id, merchant_id, transaction_type) "
        "values (100601, 1, 'points_adjusted')",
    )
    assert read(database, "select max(id) from loyalty.customers") == [(CUSTOMERS + 1,)]
    assert read(database, "select max(id) from loyalty.loyalty_cards") == [(100_601,)]
    assert read(database, "select max(id) from loyalty.loyalty_transactions") == [(3,)]
