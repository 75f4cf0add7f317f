from __future__ import annotations

import csv
import hashlib
import json
import stat
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from include import cohort_files
from include.errors import CohortFileError
from tests import factories
from tests.day import run_day

AS_OF = datetime(2026, 11, 20, 2, tzinfo=UTC)


@pytest.fixture
def ran(engine, at, monkeypatch):
    """Five cards expired on one day; returns the run's id."""
    at(AS_OF.isoformat())
    program = factories.program(engine, points_expiration_days=365)
    for number in range(5):
        factories.card(
            engine,
            program,
            points=10 + number,
            last_activity_at=datetime(2025, 11, 1, 10, tzinfo=UTC),
        )
    monkeypatch.setenv("LOYALTY_COHORT_PART_ROWS", "2")
    return run_day(engine, AS_OF)


def ids_of(engine, root, run_id, parts):
    return [
        mail_id
        for part in parts
        for batch in cohort_files.read_ids(engine, root, run_id, "expiry", part.name)
        for mail_id in batch
    ]


def test_files_hold_what_was_expired_in_parts_named_by_a_manifest(engine, ran, tmp_path):
    export = cohort_files.export(engine, tmp_path, ran, "expiry")
    folder = tmp_path / f"run={ran}" / "kind=expiry"
    # 5 rows in parts of 2: 2 + 2 + 1; 10 + 11 + 12 + 13 + 14 = 60 points.
    assert [part.rows for part in export.parts] == [2, 2, 1]
    assert (export.rows, export.points) == (5, 60)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["columns"] == list(cohort_files.COLUMNS)
    for part in manifest["parts"]:
        content = (folder / part["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == part["sha256"]
        rows = list(csv.DictReader(content.decode().splitlines()))
        assert list(rows[0]) == manifest["columns"]
        assert sum(int(row["points"]) for row in rows) == part["points"]


def test_files_are_readable_by_their_owner_only(engine, ran, tmp_path):
    cohort_files.export(engine, tmp_path, ran, "expiry")
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == 4
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_files_hold_no_name_and_no_address(engine, ran, tmp_path):
    cohort_files.export(engine, tmp_path, ran, "expiry")
    with engine.connect() as connection:
        people = connection.execute(
            text("select email, first_name, last_name from loyalty.customers")
        ).all()
    written = "".join(file.read_text() for file in tmp_path.rglob("*") if file.is_file())
    for value in {value for person in people for value in person if value}:
        assert value not in written


def test_repeating_the_export_writes_the_same_bytes(engine, ran, tmp_path):
    first = cohort_files.export(engine, tmp_path / "a", ran, "expiry")
    assert cohort_files.export(engine, tmp_path / "b", ran, "expiry") == first


def test_reader_gives_every_queued_mail_once(engine, ran, tmp_path):
    export = cohort_files.export(engine, tmp_path, ran, "expiry")
    with engine.connect() as connection:
        queued = connection.execute(text("select id from loyalty.email_logs order by id")).scalars()
        assert sorted(ids_of(engine, tmp_path, ran, export.parts)) == list(queued)


def test_empty_cohort_has_one_empty_part(engine, ran, tmp_path):
    export = cohort_files.export(engine, tmp_path, ran, "warning")
    assert [(part.name, part.rows) for part in export.parts] == [("part-00000.csv", 0)]


@pytest.mark.parametrize("fault", ["altered", "truncated", "missing", "manifest", "swapped"])
def test_reader_refuses_files_that_differ_from_the_export(engine, ran, tmp_path, fault):
    export = cohort_files.export(engine, tmp_path, ran, "expiry")
    folder = tmp_path / f"run={ran}" / "kind=expiry"
    part = folder / "part-00000.csv"
    if fault == "altered":
        part.write_text(part.read_text().replace(",10\n", ",11\n"))
    elif fault == "truncated":
        part.write_bytes(part.read_bytes()[:-3])
    elif fault == "missing":
        part.unlink()
    elif fault == "manifest":
        (folder / "manifest.json").write_text((folder / "manifest.json").read_text() + " ")
    else:
        part.write_bytes((folder / "part-00001.csv").read_bytes())
    with pytest.raises(CohortFileError, match="clear the export task"):
        ids_of(engine, tmp_path, ran, export.parts)


def test_place_that_cannot_be_written_gives_a_sentence(engine, ran, tmp_path):
    (tmp_path / "occupied").write_text("a file where a folder should be")
    with pytest.raises(CohortFileError, match="LOYALTY_COHORT_ROOT"):
        cohort_files.export(engine, tmp_path / "occupied", ran, "expiry")


def test_place_that_cannot_be_read_gives_a_sentence(engine, ran, tmp_path):
    export = cohort_files.export(engine, tmp_path, ran, "expiry")
    part = tmp_path / f"run={ran}" / "kind=expiry" / "part-00000.csv"
    part.unlink()
    part.mkdir()
    with pytest.raises(CohortFileError, match="cannot be read: Is a directory"):
        ids_of(engine, tmp_path, ran, export.parts)
