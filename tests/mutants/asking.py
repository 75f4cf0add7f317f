"""Asks the project's own tests about a copy of the SQL: which of them fails first?

Each question has a forked process of its own, so that the imports are paid for once.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import URL

import tests.conftest
from include.settings import PROJECT_ROOT
from tests.mutants.applying import pipeline_on

ANSWER_SECONDS_MAX = 900
TIME_LIMIT = "the time limit"
# What plays on the database and needs no Airflow; the quick ones first.
FILES = (
    "test_expiry.py", "test_expiry_decides.py", "test_expiry_chunks.py", "test_warnings.py",
    "mail/test_outbox.py", "test_late_and_locked.py", "test_held_runs.py", "test_reinstatement.py",
    "test_undoing.py", "test_cohort_files.py", "test_roles.py", "mail/test_sending.py",
    "mail/test_answers.py", "test_checks.py", "test_reconcile.py", "test_runs.py",
    "test_migrations.py", "lifecycle", "test_size_check.py", "faults/test_bad_rows.py",
    "faults/test_refused_instants.py", "model", "interleavings", "test_thirty_days.py",
)  # fmt: skip
MAIL = ("mail/test_outbox.py", "mail/test_sending.py", "mail/test_answers.py")
# Whom to ask first about a folder of sql/; the others follow, so that a survivor has met them all.
FIRST = {
    "checks": ("test_checks.py", "test_reconcile.py"),
    "check_size": ("test_size_check.py",),
    "claim_mail": MAIL,
    "close_run": ("test_runs.py", "test_checks.py", "test_reconcile.py"),
    "copy_file_part": ("test_cohort_files.py",),
    "forget_ids": ("lifecycle",),
    "hand_over_mail": MAIL,
    "list_file_parts": ("test_cohort_files.py",),
    "migrations": ("test_roles.py", "test_checks.py", "test_reconcile.py", "test_warnings.py"),
    "pick_events": ("lifecycle",),
    "queue_events": ("lifecycle",),
    "queue_warnings": ("test_warnings.py",),
    "reconcile": ("test_reconcile.py", "test_checks.py"),
    "record_mail": MAIL,
    "recover_mail": MAIL,
    "reinstate_points": ("test_reinstatement.py", "test_undoing.py"),
    "select_late_activity": ("test_reinstatement.py",),
    "select_reinstatements": ("test_undoing.py",),
    "select_warnings": ("test_warnings.py",),
}


def first_failure(root: Path, server: URL, stage: str, left_out: Sequence[str]) -> str | None:
    """Return the first test that fails on the SQL below `root`; None where all hold."""
    files = dict.fromkeys((*FIRST.get(stage, ()), *FILES))
    return next(iter(_answer(root, server, [*files], left_out, ["-x"])), None)


def failures(root: Path, server: URL) -> list[str]:
    """Return all tests that fail on the SQL below `root`."""
    return _answer(root, server, list(FILES), (), [])


def _answer(
    root: Path, server: URL, files: Sequence[str], left_out: Sequence[str], options: list[str]
) -> list[str]:
    hearing, speaking = multiprocessing.Pipe(duplex=False)
    arguments = [
        *options, "-q", "-p", "no:cacheprovider", f"--rootdir={PROJECT_ROOT}",
        *(f"--deselect={test}" for test in left_out),
        *(str(PROJECT_ROOT / "tests" / file) for file in files),
    ]  # fmt: skip
    asked = multiprocessing.get_context("fork").Process(
        target=_ask, args=(root, server, arguments, speaking)
    )
    asked.start()
    speaking.close()
    try:
        return hearing.recv() if hearing.poll(ANSWER_SECONDS_MAX) else [TIME_LIMIT]
    except EOFError as error:
        raise RuntimeError("The tests ended without an answer.") from error
    finally:
        asked.kill()
        asked.join()


def _ask(root: Path, server: URL, arguments: list[str], speaking: Connection) -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    logging.disable(logging.NOTSET)
    tests.conftest.GIVEN_SERVER = server.render_as_string(hide_password=False)
    failed = _Failed()
    with pipeline_on(root):
        pytest.main(arguments, plugins=[failed])
    speaking.send(failed.tests)


class _Failed:
    """Listens to pytest and keeps the names of what failed."""

    def __init__(self) -> None:
        self.tests: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and report.nodeid not in self.tests:
            self.tests.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.tests.append(report.nodeid)
