"""A bounded soak; `python -m tests.faults.soak` goes on for as long as one likes."""

from __future__ import annotations

import time

from tests.faults.soak import soak


def test_random_faults_leave_no_trace() -> None:
    figures = soak(time.monotonic() + 8, seed=11)
    assert figures.tried > 0
    assert figures.violations == ()
