"""The database server is stopped in `immediate` mode while a day runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disturbances import LOST, crashed
from tests.faults.points import Stop
from tests.faults.servers import FragileServer, fragile_server
from tests.faults.shop import Shop, Twin, copied_shop, populated, undisturbed


@pytest.fixture(scope="module")
def server() -> Iterator[FragileServer]:
    with fragile_server() as server:
        yield server


@pytest.fixture(scope="module")
def seeded(server: FragileServer):
    with populated(server.template, 5, cards=16) as url:
        yield url


@pytest.fixture(scope="module")
def twin(seeded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with undisturbed(seeded, tmp_path_factory.mktemp("twin")) as twin:
        yield twin


@pytest.fixture
def shop(seeded, tmp_path: Path) -> Iterator[Shop]:
    with copied_shop(seeded, tmp_path) as shop:
        yield shop


@pytest.mark.parametrize(
    "label", ["queue_warnings/02_stamp_cards", "expire_points/01_post_expirations"]
)
def test_server_that_dies_in_mid_chunk_loses_that_chunk_only(
    server: FragileServer, twin: Twin, shop: Shop, label: str
) -> None:
    assert crashed(shop, twin, Stop(2, label), server) == []


def test_server_that_dies_with_a_commit_leaves_all_or_nothing_of_it(
    server: FragileServer, twin: Twin, shop: Shop
) -> None:
    assert crashed(shop, twin, Stop(1, "commit of expire_points", "sent"), server) == []


def test_server_that_dies_again_and_again_is_outlived_by_the_retries(
    server: FragileServer, twin: Twin, shop: Shop
) -> None:
    server.checkpoint()
    crashes = 0
    # Each try gets a little further before the server dies under it.
    while crashes < 50:
        with shop.task(shop.day(), Stop(60 + 40 * crashes)) as task:
            if not task.is_stopped():
                break
            server.crash()
            task.go_on()
            assert str(task.ended().error).startswith(LOST)
        crashes += 1
        server.restart()
    assert crashes >= 3
    assert shop.faults(twin.books) == []
