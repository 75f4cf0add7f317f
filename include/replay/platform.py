"""The invented platform that the purchases happen on: merchants, stores, programs, customers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.replay.draws import choose


@dataclass(frozen=True)
class Merchant:
    """A row of `loyalty.merchants`."""

    id: int
    name: str
    is_active: bool = True


@dataclass(frozen=True)
class Store:
    """A row of `loyalty.stores`."""

    id: int
    merchant_id: int
    name: str
    default_language: str


@dataclass(frozen=True)
class Program:
    """A row of `loyalty.loyalty_programs`, its stores, and its part of 20 of the customers."""

    id: int
    merchant_id: int
    name: str
    points_expiration_days: int | None
    time_zone: str
    store_ids: tuple[int, ...]
    parts: int
    is_active: bool = True

    @property
    def expires(self) -> bool:
        """Whether points of this program ever expire."""
        return self.is_active and (self.points_expiration_days or 0) > 0


MERCHANTS = (
    Merchant(1, "Kaffishaus Uelzecht"),
    Merchant(2, "Librairie du Canal"),
    Merchant(3, "Plattenkeller Nord"),
    Merchant(4, "Harbour & Quill"),
    Merchant(5, "Tūī Records"),
)

STORES = (
    Store(11, 1, "Lëtzebuerg-Gare", "lb"),
    Store(12, 1, "Esch-Uelzecht", "fr"),
    Store(13, 1, "Gréivemaacher", "de"),
    Store(21, 2, "Paris Jaurès", "fr"),
    Store(22, 2, "Paris Opéra", "en"),
    Store(31, 3, "Berlin Schöneberg", "de"),
    Store(32, 3, "Berlin Mitte", "en"),
    Store(41, 4, "London Borough", "en"),
    Store(42, 4, "London Camden", "en"),
    Store(43, 4, "New York Brooklyn", "en"),
    Store(51, 5, "Auckland Ponsonby", "en"),
    Store(52, 5, "Auckland Devonport", "en"),
)

PROGRAMS = (
    Program(101, 1, "Uelzecht Punkten", 365, "Europe/Luxembourg", (11, 12, 13), 6),
    Program(201, 2, "Carte Canal", 180, "Europe/Paris", (21, 22), 4),
    Program(301, 3, "Nordpunkte", 270, "Europe/Berlin", (31, 32), 3),
    Program(302, 3, "Kellerkarte", 90, "Europe/Berlin", (31, 32), 1, is_active=False),
    Program(401, 4, "Quill Club", None, "Europe/London", (41, 42), 2),
    Program(402, 4, "Quill Club New York", 120, "America/New_York", (43,), 2),
    Program(501, 5, "Tūī Points", 365, "Pacific/Auckland", (51, 52), 2),
)

FIRST_NAMES = tuple(
    "Aïcha Björn Chloé David Eléonore François Grace Héloïse Ines Jürgen Kōtare Léa Mara Noël "
    "Olivia Zoë Théo".split()
)
LAST_NAMES = tuple(
    "Åkerman Brontë Conzémius Dvořák Esser Fèvre Grün Hoffmann Jones Kühn Lefèvre Müller Ngata "
    "O'Brien Peña Schäfer Weiß".split()
)
LANGUAGES = ("en", "fr", "de", "lb", None)

# Cards are numbered apart from customers, so that a confused id finds nothing instead of a card.
CARD_ID_OFFSET = 100_000
WITHOUT_ADDRESS_EVERY = 97


def merchants() -> pd.DataFrame:
    """Return the rows of `loyalty.merchants`."""
    return pd.DataFrame(MERCHANTS)


def stores() -> pd.DataFrame:
    """Return the rows of `loyalty.stores`."""
    return pd.DataFrame(STORES)


def programs() -> pd.DataFrame:
    """Return the rows of `loyalty.loyalty_programs`."""
    rows = pd.DataFrame(PROGRAMS).drop(columns=["store_ids", "parts"])
    return rows.assign(
        points_expiration_days=rows["points_expiration_days"].astype("Int64"),
        warning_days="{14}",
        min_notice_days=0,
        stamps_target=None,
    )


def customers(ids: Iterable[int], seed: int) -> pd.DataFrame:
    """Return the rows of `loyalty.customers`; every 97th has no address."""
    numbers = list(ids)
    return pd.DataFrame(
        {
            "id": numbers,
            "email": [_email(number) for number in numbers],
            "first_name": choose(FIRST_NAMES, seed=seed, purpose="first_name", numbers=numbers),
            "last_name": choose(LAST_NAMES, seed=seed, purpose="last_name", numbers=numbers),
            "preferred_language": choose(LANGUAGES, seed=seed, purpose="language", numbers=numbers),
            "email_suppressed_at": None,
        }
    )


def memberships(customer_ids: Iterable[int], seed: int) -> pd.DataFrame:
    """Return one card per customer: its ids and its number, before anything happened on it."""
    numbers = np.array(list(customer_ids), dtype=np.int64)
    urn = tuple(program for program in PROGRAMS for _ in range(program.parts))
    drawn = choose(urn, seed=seed, purpose="program", numbers=numbers.tolist())
    return pd.DataFrame(
        {
            "id": numbers + CARD_ID_OFFSET,
            "program_id": [program.id for program in drawn],
            "merchant_id": [program.merchant_id for program in drawn],
            "customer_id": numbers,
            "card_number": [card_number(number) for number in numbers.tolist()],
        }
    )


def card_number(customer_id: int) -> str:
    """Return `C-`, the customer's five digits, and their check digit after Luhn (ISO 7812)."""
    digits = f"{customer_id:05d}"
    total = 0
    for place, digit in enumerate(reversed(digits)):
        weighted = int(digit) * (2 - place % 2)
        total += weighted // 10 + weighted % 10
    return f"C-{digits}-{-total % 10}"


def _email(customer_id: int) -> str | None:
    if customer_id % WITHOUT_ADDRESS_EVERY == 0:
        return None
    return f"customer-{customer_id:05d}@example.com"
