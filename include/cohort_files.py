"""Cohort files: what a run queued or expired, exported by COPY and proven by a manifest.

Layout below the root: `run=<id>/kind=<kind>/part-NNNNN.csv` and, written last, `manifest.json`.
No name and no address is in them; the sender looks both up when it sends.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO, Any

from sqlalchemy import Engine

from include.clock import read_clock
from include.cohorts import Kind
from include.database import SELECTION, run_stage, statements, transaction
from include.errors import CohortFileError
from include.lifecycle import Event
from include.settings import positive_int

log = logging.getLogger(__name__)

COLUMNS = (
    "email_log_id",
    "card_id",
    "merchant_id",
    "program_id",
    "cycle_started_at",
    "due_on",
    "stage_days",
    "points",
)
MANIFEST = "manifest.json"
PART_ROWS_DEFAULT = 50_000
FileKind = Kind | Event
READ_BYTES = 1 << 20
WRITE_BYTES = 1 << 16


@dataclass(frozen=True)
class Part:
    """One file of an export; `rows` and `points` as its manifest says."""

    name: str
    rows: int
    points: int
    sha256: str


@dataclass(frozen=True)
class Export:
    """One kind's files of one run, as recorded in `manifest.json`."""

    run_id: int
    kind: str
    columns: tuple[str, ...]
    rows: int
    points: int
    parts: tuple[Part, ...]


def export(engine: Engine, root: Any, run_id: int, kind: FileKind) -> Export:
    """Write the run's cohort files of one kind; a repetition writes the same bytes.

    Args:
        root: the folder or bucket, as a `pathlib.Path` or Airflow's `ObjectStoragePath`.

    Raises:
        CohortFileError: the place cannot be written.
    """
    folder = _folder(root, run_id, kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        parts = tuple(
            _write_part(engine, folder, run_id, kind, bounds)
            for bounds in _part_bounds(engine, run_id, kind)
        )
        made = Export(
            run_id=run_id,
            kind=kind,
            columns=COLUMNS,
            rows=sum(part.rows for part in parts),
            points=sum(part.points for part in parts),
            parts=parts,
        )
        _write_manifest(engine, folder, made)
    except OSError as error:
        raise CohortFileError(
            f"The cohort files cannot be written below {folder}: {error.strerror or error}. Make "
            "room or correct LOYALTY_COHORT_ROOT, then clear this task; nothing is lost."
        ) from error
    log.info("%s: %s rows in %s part(s) below %s.", kind, made.rows, len(parts), folder)
    return made


def read_ids(
    engine: Engine, root: Any, run_id: int, kind: FileKind, part_name: str, *, batch: int = 1000
) -> Iterator[list[int]]:
    """Yield the `email_logs` ids that a part names, `batch` at a time, in bounded memory.

    Raises:
        CohortFileError: the manifest or the part is missing, differs from what was exported, or
            may not be read.
    """
    folder = _folder(root, run_id, kind)
    try:
        part = _named_part(_read_manifest(engine, folder, run_id, kind), part_name)
        _verify(folder / part.name, part.sha256)
        with (folder / part.name).open("rb") as raw:
            yield from _ids(io.TextIOWrapper(raw, encoding="utf-8", newline=""), batch)
    except FileNotFoundError as error:
        raise _differs(folder, f"{error.filename or part_name} is missing") from error
    except (PermissionError, IsADirectoryError, NotADirectoryError) as error:
        raise CohortFileError(
            f"The cohort files below {folder} cannot be read: {error.strerror or error}. Let this "
            "worker read what LOYALTY_COHORT_ROOT names, then clear this task; what was sent is "
            "recorded, and the rest is queued."
        ) from error


def read_parts(root: Any, run_id: int, kind: str, manifest_sha256: str) -> tuple[Part, ...]:
    """Return the parts that an export's manifest names, with their checksums.

    Args:
        manifest_sha256: the manifest's own checksum, as the database keeps it.

    Raises:
        CohortFileError: the manifest is gone or is not the one that was written.
    """
    folder = _folder(root, run_id, kind)
    try:
        manifest = _checked(folder, manifest_sha256)
    except OSError as error:
        raise _differs(folder, f"{MANIFEST} cannot be read here") from error
    return tuple(Part(**part) for part in manifest["parts"])


def _ids(lines: IO[str], batch: int) -> Iterator[list[int]]:
    ids: list[int] = []
    for row in csv.DictReader(lines):
        ids.append(int(row["email_log_id"]))
        if len(ids) == batch:
            yield ids
            ids = []
    if ids:
        yield ids


def _folder(root: Any, run_id: int, kind: str) -> Any:
    return root / f"run={run_id}" / f"kind={kind}"


def _part_bounds(engine: Engine, run_id: int, kind: FileKind) -> list[dict[str, int]]:
    (statement,) = statements("list_file_parts")
    binds = {
        "run_id": run_id,
        "kind": kind,
        "part_rows": positive_int("LOYALTY_COHORT_PART_ROWS", PART_ROWS_DEFAULT),
    }
    with transaction(engine, SELECTION) as connection:
        rows = connection.exec_driver_sql(statement, binds).mappings().all()
    # An empty cohort has one empty part, so that a sender always runs and takes up what is due.
    nothing = {"part_number": 0, "first_card_id": 0, "last_card_id": 0}
    return [dict(row) for row in rows] or [nothing | {"rows_total": 0, "points_total": 0}]


def _write_part(
    engine: Engine, folder: Any, run_id: int, kind: FileKind, bounds: dict[str, int]
) -> Part:
    name = f"part-{bounds['part_number']:05d}.csv"
    (statement,) = statements("copy_file_part")
    with transaction(engine, SELECTION) as connection, _replacing(folder / name) as raw:
        hashing = _HashingFile(raw)
        driver: Any = connection.connection.cursor()
        copy = driver.mogrify(statement, {"run_id": run_id, "kind": kind, **bounds}).decode()
        # COPY hands over row by row.
        with io.BufferedWriter(hashing, WRITE_BYTES) as buffer:
            driver.copy_expert(copy, buffer)
    return Part(name, bounds["rows_total"], bounds["points_total"], hashing.sha256())


def _write_manifest(engine: Engine, folder: Any, made: Export) -> None:
    content = json.dumps(asdict(made), indent=2).encode()
    path = folder / MANIFEST
    with _replacing(path) as raw:
        raw.write(content)
    with transaction(engine) as connection:
        run_stage(
            connection,
            "record_export",
            {
                "run_id": made.run_id,
                "kind": made.kind,
                "manifest_path": str(path),
                "manifest_sha256": hashlib.sha256(content).hexdigest(),
                "parts_total": len(made.parts),
                "rows_total": made.rows,
                "points_total": made.points,
                "exported_at": read_clock(engine),
            },
        )


def _read_manifest(engine: Engine, folder: Any, run_id: int, kind: FileKind) -> dict[str, Any]:
    with transaction(engine) as connection:
        known = run_stage(connection, "read_export", {"run_id": run_id, "kind": kind})
    return _checked(folder, known.get("manifest_sha256"))


def _checked(folder: Any, sha256: str | None) -> dict[str, Any]:
    content = (folder / MANIFEST).read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _differs(folder, f"{MANIFEST} is not the one whose hash the database keeps")
    manifest: dict[str, Any] = json.loads(content)
    return manifest


def _named_part(manifest: dict[str, Any], name: str) -> Part:
    parts = {part["name"]: Part(**part) for part in manifest["parts"]}
    if name not in parts:
        raise CohortFileError(f"The manifest of run {manifest['run_id']} names no part {name!r}.")
    return parts[name]


def _verify(path: Any, sha256: str) -> None:
    hasher = hashlib.sha256()
    with path.open("rb") as raw:
        while block := raw.read(READ_BYTES):
            hasher.update(block)
    if hasher.hexdigest() != sha256:
        raise _differs(path.parent, f"{path.name} does not have the manifest's checksum")


def _differs(folder: Any, what: str) -> CohortFileError:
    return CohortFileError(
        f"The cohort files below {folder} are not as exported: {what}. No mail was sent from them; "
        "clear the export task to write them again from the database."
    )


@contextmanager
def _replacing(path: Any) -> Iterator[IO[bytes]]:
    """Write a file that appears whole or not at all; locally with mode 0600."""
    local = _local(path)
    if local is None:  # An object store shows an object once it is written completely.
        with path.open("wb") as raw:
            yield raw
        return
    temporary = f"{local}.{os.getpid()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            yield raw
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(temporary, local)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def _local(path: Any) -> str | None:
    protocol = getattr(path, "protocol", "")
    if protocol not in ("", "file"):
        return None
    return str(getattr(path, "path", path))


class _HashingFile(io.RawIOBase):
    """Passes on what is written to it and hashes it on the way; closing it leaves the file open."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._hasher = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        self._hasher.update(block)
        self._raw.write(block)
        return len(block)

    def sha256(self) -> str:
        return self._hasher.hexdigest()
