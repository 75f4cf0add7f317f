"""What `make run` prints at its end."""

from __future__ import annotations

import re

from include.commands import report_table
from tests.day import run_day
from tests.factories import card, program

AS_OF = "2026-03-10T02:00:00+00:00"


def test_dry_run_tells_what_would_happen_and_a_real_one_what_did(engine, at, capsys):
    at(AS_OF)
    home = program(engine, points_expiration_days=30, warning_days=[14])
    card(engine, home, points=70, last_activity_at="2026-02-01T12:00Z")
    card(engine, home, points=30, last_activity_at="2026-02-15T12:00Z")
    for is_dry in (True, False):
        run_id = run_day(engine, AS_OF, dry_run=is_dry, dag_run_id=f"dry: {is_dry}")
        report_table.show(engine, [run_id])
        told = capsys.readouterr().out
        # Warned, expired, points.
        assert re.search(r"2026-03-10 .* 1 +1 +70 ", told), told
        assert ("a dry run" in told) is is_dry
