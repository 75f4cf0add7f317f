"""What operators are mailed: a run that failed, is late, holds something, or did not happen.

The thin edge to Airflow. It is imported wherever a DAG is read, so what sends is imported late.
`LOYALTY_OPERATORS` says who they are; `docs/alarms.md` says the rest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from include.note import Note

log = logging.getLogger(__name__)

HELD_DAG = "loyalty_held_expirations"
# A broken import may hold a thousand programs; who reads the mail needs the first few.
NAMED_MAX = 20


def run_failed(context: Mapping[str, Any]) -> None:
    """Mail that a DAG run failed; Airflow calls this once per run, when nothing is retried."""
    dag_id, run_id = context["dag"].dag_id, str(context["run_id"])
    note = Note(
        f"{dag_id} failed",
        (
            f"The run {run_id} of {dag_id} failed.",
            "Which task is red, and what to do, stands in the last line of its log:",
            _address(dag_id, run_id),
            "What was done so far stays done, and no card is decided twice.",
        ),
    )
    tell(note)


async def deadline_missed(context: Mapping[str, Any]) -> None:
    """Mail that a DAG run is not finished by its deadline; runs in the triggerer."""
    from airflow.sdk import BaseHook

    from include.connections import MAIL
    from include.mail.connection import mail_server
    from include.mail.operators import mail_note, operators

    run, recipients = context["dag_run"], operators()
    if not recipients:
        log.info("A deadline was missed; LOYALTY_OPERATORS names nobody to be told.")
        return
    server = mail_server(await BaseHook.aget_connection(MAIL))
    note = late_note(run["dag_id"], run["dag_run_id"], run["state"])
    await asyncio.to_thread(mail_note, server, note, recipients)


def late_note(dag_id: str, run_id: str, state: str) -> Note:
    """Return what is said of a run that is late."""
    return Note(
        f"{dag_id} is late",
        (
            f"The run {run_id} of {dag_id} is not finished by its deadline; it is {state}.",
            _address(dag_id, run_id),
            "It goes on. The logs of its tasks say how far they are and how long it will take.",
        ),
    )


def held(run_id: int, program_ids: Sequence[int]) -> None:
    """Mail that a run's size check holds programs: one mail, however many there are."""
    if not program_ids:
        return
    named = ", ".join(map(str, program_ids[:NAMED_MAX]))
    more = len(program_ids) - NAMED_MAX
    tell(
        Note(
            f"{len(program_ids)} program(s) are held",
            (
                f"Run {run_id} holds the expiry of {len(program_ids)} program(s), because it is "
                f"far beyond their own history: {named}{f' and {more} more' if more > 0 else ''}.",
                "Each has a run of its own, where Required Actions shows how much it is. Nothing "
                "is taken until somebody approves; without an answer within a day it lapses:",
                _address(HELD_DAG),
            ),
        )
    )


def unwell(troubles: Sequence[str]) -> None:
    """Mail what a look at the platform's health has found."""
    tell(Note("something is wrong", (*troubles, "What to do: docs/at-3-am.md.")))


def tell(note: Note) -> None:
    """Mail a note to the operators, if there are any. An alarm that fails is logged, no more."""
    from airflow.sdk import BaseHook

    from include.connections import MAIL
    from include.mail.connection import mail_server
    from include.mail.operators import mail_note, operators

    try:
        if recipients := operators():
            mail_note(mail_server(BaseHook.get_connection(MAIL)), note, recipients)
        else:
            log.info("%s: LOYALTY_OPERATORS names nobody to be told.", note.subject)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        log.error("%s, and the operators could not be told (%s).", note.subject, reason)


def _address(dag_id: str, run_id: str | None = None) -> str:
    """Return where a DAG or one of its runs is to be seen in Airflow's UI."""
    from airflow.sdk.configuration import conf

    base = str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
    page = f"{base}/dags/{dag_id}"
    return page if run_id is None else f"{page}/runs/{quote(run_id, safe='')}"
