"""A disk that is full, and cohort files that are not as they were exported."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from include.cohorts import Kind
from tests.faults.books import SHARED
from tests.faults.shop import Shop, Twin
from tests.faults.whole_day import Files, FullDisk, Mails, RunOnly, SmallDisk

PART: tuple[Kind, str] = ("expiry", "part-00000.csv")


def run_only(shop: Shop, *merchant_ids: int) -> Files:
    """Run the day up to its files, of some merchants or all; returns the job that writes them."""
    name = "day" + "".join(map(str, merchant_ids))
    return Files(shop.run(RunOnly(shop.now, name, merchant_ids or None)).result, shop.root)


def mails(shop: Shop, files: Files, *parts: tuple[Kind, str]) -> Mails:
    return Mails(files.run_id, files.root, shop.post.as_mail_server(), list(parts))


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(root)): file.read_bytes()
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }


def refused(shop: Shop, job: Callable) -> str:
    with shop.task(job) as task:
        return str(task.ended().error)


@pytest.mark.parametrize(
    ("file_bytes_max", "written"),
    [
        (0, set()),
        (100, set()),  # the header of a part fits
        (450, {"part-00000.csv", "part-00001.csv"}),  # the manifest does not
    ],
)
def test_file_that_outgrows_the_disk_is_written_again_by_a_rerun(
    twin: Twin, shop: Shop, file_bytes_max: int, written: set[str]
) -> None:
    files = run_only(shop)
    error = refused(shop, SmallDisk(replace(files, kinds=("expiry",)), file_bytes_max))
    assert error.startswith("CohortFileError: The cohort files cannot be written below")
    assert "File too large" in error
    assert {Path(name).name for name in contents(shop.root)} == written
    made_good(shop, files, twin)


@pytest.mark.parametrize("name", ["part-00000.csv", "part-00001.csv", "manifest.json"])
def test_file_on_a_full_disk_is_written_again_by_a_rerun(twin: Twin, shop: Shop, name: str) -> None:
    files = run_only(shop)
    error = refused(shop, FullDisk(files, "expiry", name))
    assert error.startswith("CohortFileError: The cohort files cannot be written below")
    assert "No space left on device" in error
    made_good(shop, files, twin)


def made_good(shop: Shop, files: Files, twin: Twin) -> None:
    """See that nobody can send from half-made files, and that a rerun leaves nothing amiss."""
    assert not [name for name in contents(shop.root) if name.endswith(".tmp")]
    assert "clear the export task" in refused(shop, mails(shop, files, PART))
    assert shop.post.mails == []
    parts = shop.run(files).result
    shop.run(mails(shop, files, *parts))
    assert shop.faults(twin.books) == []


def truncated(folder: Path, other: Path) -> None:
    part = folder / PART[1]
    part.write_bytes(part.read_bytes()[:-5])


def emptied(folder: Path, other: Path) -> None:
    (folder / PART[1]).write_bytes(b"")


def altered(folder: Path, other: Path) -> None:
    part = folder / PART[1]
    lines = part.read_text().splitlines(keepends=True)
    part.write_text("".join([lines[0], *reversed(lines[1:])]))


def lengthened(folder: Path, other: Path) -> None:
    part = folder / PART[1]
    part.write_text(part.read_text() + part.read_text().splitlines()[-1] + "\n")


def swapped_part(folder: Path, other: Path) -> None:
    shutil.copyfile(other / PART[1], folder / PART[1])


def swapped_folder(folder: Path, other: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(other, folder)


def missing(folder: Path, other: Path) -> None:
    (folder / PART[1]).unlink()


def manifest_missing(folder: Path, other: Path) -> None:
    (folder / "manifest.json").unlink()


def manifest_altered(folder: Path, other: Path) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"rows": 2', '"rows": 3'))


def all_missing(folder: Path, other: Path) -> None:
    shutil.rmtree(folder.parent)


@pytest.mark.parametrize(
    "damage",
    [
        truncated, emptied, altered, lengthened, swapped_part, swapped_folder, missing,
        manifest_missing, manifest_altered, all_missing,
    ],
)  # fmt: skip
def test_damaged_file_sends_nothing_and_is_exported_again_with_the_same_bytes(
    twin: Twin, shop: Shop, damage: Callable[[Path, Path], None]
) -> None:
    mine, others = run_only(shop, 1), run_only(shop, 2, 3)
    parts = shop.run(mine).result
    parts_of_others = shop.run(others).result
    exported = contents(shop.root)
    damage(*(shop.root / f"run={files.run_id}" / "kind=expiry" for files in (mine, others)))
    assert contents(shop.root) != exported
    error = refused(shop, mails(shop, mine, PART))
    assert error.startswith("CohortFileError: The cohort files below")
    assert "clear the export task" in error
    assert shop.post.mails == []
    assert shop.run(mine).result == parts
    assert contents(shop.root) == exported
    shop.run(mails(shop, mine, *parts))
    shop.run(mails(shop, others, *parts_of_others))
    assert shop.faults(twin.books, *SHARED) == []
