from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.inbox.running import RunningInbox, running_inbox


@pytest.fixture(scope="session")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInbox]:
    """One inbox for all tests that leave others' mails alone."""
    with running_inbox(tmp_path_factory.mktemp("inbox") / "mails") as running:
        yield running
