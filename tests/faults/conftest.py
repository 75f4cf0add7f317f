"""A populated database, copied for every fault, and a twin on which the same day ran in peace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from tests.faults.people import LATECOMERS
from tests.faults.shop import Shop, Twin, copied_shop, populated, undisturbed

OpenShop = Callable[..., AbstractContextManager[Shop]]
SEED = 3
CARDS = 8


@pytest.fixture(scope="module")
def seeded(template_url: URL) -> Iterator[URL]:
    with populated(template_url, SEED, cards=CARDS) as url:
        yield url


@pytest.fixture(scope="module")
def twin(seeded: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    """The day as it goes undisturbed."""
    with undisturbed(seeded, tmp_path_factory.mktemp("twin")) as twin:
        # All kinds of deeds, in more than one chunk, or there is nothing to break.
        assert len(twin.books["expirations"]) >= 3 + LATECOMERS
        assert len(twin.books["warnings"]) >= 3
        assert len(twin.books["reinstatements"]) == LATECOMERS - 1
        yield twin


@pytest.fixture
def open_shop(seeded: URL, tmp_path: Path) -> OpenShop:
    """Opens a shop on a fresh copy of the twin's beginning."""

    def opened(**settings: Any) -> AbstractContextManager[Shop]:
        return copied_shop(seeded, tmp_path, **settings)

    return opened


@pytest.fixture
def shop(open_shop: OpenShop) -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop
