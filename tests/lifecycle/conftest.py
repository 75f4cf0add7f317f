from __future__ import annotations

import pytest

from tests import factories
from tests.lifecycle.events import NOW, run


@pytest.fixture
def a_card(engine, at):
    """Merchant 1's card, whose enrollment was mailed by a run before the test."""
    at(NOW)
    card_id = factories.card(engine, points=0)
    run(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("delete from loyalty.email_logs")
    return card_id
