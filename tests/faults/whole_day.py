"""One day with its files and mails: the stages of the DAG, as one process works them off."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from include import database
from include.cohort_files import export, read_ids
from include.cohorts import Kind
from include.database import Limits
from include.mail.sending import send_due
from include.mail.server import MailServer
from tests.day import KINDS, foreseen_day
from tests.faults.tap import Job


@dataclass(frozen=True)
class WholeDay:
    """A day's work; called with an engine it is done from its opening to its last mail."""

    as_of: datetime
    dag_run_id: str
    root: Path
    server: MailServer

    def __call__(self, engine: Engine) -> int:
        run_id = RunOnly(self.as_of, self.dag_run_id)(engine)
        parts = Files(run_id, self.root)(engine)
        Mails(run_id, self.root, self.server, parts)(engine)
        return run_id


@dataclass(frozen=True)
class RunOnly:
    """A day's work from its opening to its closing, without files and mails."""

    as_of: datetime
    dag_run_id: str
    merchant_ids: tuple[int, ...] | None = None

    def __call__(self, engine: Engine) -> int:
        return foreseen_day(
            engine, self.as_of, dag_run_id=self.dag_run_id, merchant_ids=self.merchant_ids
        )


@dataclass(frozen=True)
class Files:
    """The export of a run's cohort files; returns kind and name of every part."""

    run_id: int
    root: Path
    kinds: tuple[Kind, ...] = KINDS

    def __call__(self, engine: Engine) -> list[tuple[Kind, str]]:
        return [
            (kind, part.name)
            for kind in self.kinds
            for part in export(engine, self.root, self.run_id, kind).parts
        ]


@dataclass(frozen=True)
class Mails:
    """The sending of the mails that a run's parts name, and of whatever else is due."""

    run_id: int
    root: Path
    server: MailServer
    parts: list[tuple[Kind, str]]

    def __call__(self, engine: Engine) -> None:
        for kind, part in self.parts:
            ids = read_ids(engine, self.root, self.run_id, kind, part)
            send_due(engine, self.server, named_ids=ids)


@dataclass(frozen=True)
class Limited:
    """A job under other limits; they are named as in `include.database`."""

    job: Job
    limits: dict[str, Limits]

    def __call__(self, engine: Engine) -> Any:
        for name, limits in self.limits.items():
            # In place: who imported them shall see the change.
            vars(getattr(database, name)).update(vars(limits))
        return self.job(engine)


def giving_way(job: Job, idle_timeout: str) -> Limited:
    """Return a job whose sessions end when it stands still inside a transaction for so long."""
    limits = {name: each for name, each in vars(database).items() if isinstance(each, Limits)}
    return Limited(
        job, {name: replace(each, idle_timeout=idle_timeout) for name, each in limits.items()}
    )


@dataclass(frozen=True)
class SmallDisk:
    """A job that may write no file beyond a size; the system refuses the byte after that."""

    job: Job
    file_bytes_max: int

    def __call__(self, engine: Engine) -> Any:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_bytes_max, hard))
        return self.job(engine)


@dataclass(frozen=True)
class FullDisk:
    """An export whose file of one name lies on a device that is always full."""

    files: Files
    kind: Kind
    name: str

    def __call__(self, engine: Engine) -> Any:
        folder = self.files.root / f"run={self.files.run_id}" / f"kind={self.kind}"
        folder.mkdir(parents=True, exist_ok=True)
        # The export writes under this name first and renames at the end.
        (folder / f"{self.name}.{os.getpid()}.tmp").symlink_to("/dev/full")
        return self.files(engine)
