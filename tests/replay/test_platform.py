from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from include.replay.platform import (
    MERCHANTS,
    PROGRAMS,
    STORES,
    Program,
    card_number,
    customers,
    memberships,
)

MERCHANT_OF_STORE = {store.id: store.merchant_id for store in STORES}


@pytest.mark.parametrize(
    ("customer_id", "number"),
    [
        # Luhn, from the right: 1*2 = 2; 8 more make 10.
        (1, "C-00001-8"),
        # 7*2 = 14 -> 1+4 = 5; +9 = 14; +7*2 -> 5 = 19; +9 = 28; 2 more make 30.
        (9797, "C-09797-2"),
        # 0; 7; 5*2 = 10 -> 1; 3; 2*2 = 4: together 15; 5 more make 20.
        (23570, "C-23570-5"),
    ],
)
def test_card_number_ends_in_its_check_digit(customer_id: int, number: str) -> None:
    assert card_number(customer_id) == number


def test_every_97th_customer_has_no_address() -> None:
    rows = customers([96, 97, 98, 194], seed=1997)
    assert rows["email"].isna().tolist() == [False, True, False, True]
    assert rows["email"][0] == "customer-00096@example.com"


def test_languages_are_the_four_or_none() -> None:
    spoken = customers(range(1, 200), seed=1997)["preferred_language"]
    assert set(spoken.dropna()) == {"en", "fr", "de", "lb"}
    assert 20 <= spoken.isna().sum() <= 60  # about one in five of 199
    assert {store.default_language for store in STORES} == {"en", "fr", "de", "lb"}


def test_cards_belong_to_the_merchant_of_their_program() -> None:
    cards = memberships(range(1, 400), seed=1997)
    merchant_of = {program.id: program.merchant_id for program in PROGRAMS}
    assert cards["merchant_id"].tolist() == [merchant_of[key] for key in cards["program_id"]]
    assert set(cards["program_id"]) == set(merchant_of)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_program_has_stores_of_its_merchant_and_a_real_time_zone(program: Program) -> None:
    assert {MERCHANT_OF_STORE[store_id] for store_id in program.store_ids} == {program.merchant_id}
    assert ZoneInfo(program.time_zone)


def test_platform_has_every_kind_of_program() -> None:
    assert {merchant.id for merchant in MERCHANTS} == {program.merchant_id for program in PROGRAMS}
    assert {program.points_expiration_days for program in PROGRAMS} >= {365, 180, 270, 120, None}
    assert [program.id for program in PROGRAMS if not program.is_active] == [302]
    assert [program.id for program in PROGRAMS if not program.expires] == [302, 401]
    assert sum(program.parts for program in PROGRAMS) == 20
