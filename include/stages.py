"""What the DAG's tasks call: each function is one stage, given only ids and paths.

The thin edge to Airflow: connections are looked up here, and errors that no second try can mend
are left to `include.errors`, which the DAG's retry policy knows.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from airflow.sdk import BaseHook, ObjectStoragePath
from sqlalchemy import Engine

from include import (
    alarms,
    cohort_files,
    cohorts,
    decisions,
    forecasts,
    health,
    lifecycle,
    metrics,
    runs,
    size_check,
)
from include.cohorts import Kind
from include.connections import DATABASE, MAIL, database_url
from include.database import connect
from include.errors import ConfigurationError, UnwellError
from include.reconcile import reconcile
from include.settings import cohort_root

log = logging.getLogger(__name__)


def open_run(
    *,
    dag_id: str,
    dag_run_id: str,
    logical_date: datetime | None,
    run_after: datetime | None,
    params: Mapping[str, Any],
) -> int:
    """Work out `as_of`, open the run and return its id."""
    merchant_ids = params.get("merchant_ids")
    request = runs.RunRequest(
        dag_id=dag_id,
        dag_run_id=dag_run_id,
        as_of=runs.resolve_as_of(params.get("as_of"), logical_date, run_after),
        dry_run=bool(params.get("dry_run")),
        merchant_ids=tuple(merchant_ids) if merchant_ids else None,
    )
    return runs.open_run(_engine(), request)


def select_cohort(run_id: int, kind: Kind) -> dict[str, int]:
    """Plan one cohort; returns cards and points planned."""
    return vars(cohorts.select_cohort(_engine(), run_id, kind))


def check_size(run_id: int) -> list[dict[str, Any]]:
    """Hold the programs far beyond their history; returns what starts an approval for each."""
    engine = _engine()
    held = size_check.check_size(engine, run_id)
    if runs.is_dry(engine, run_id):
        return []
    alarms.held(run_id, held)
    return [
        {
            "trigger_run_id": f"held__{run_id}__{program_id}",
            "conf": {"run_id": run_id, "program_id": program_id},
        }
        for program_id in held
    ]


def open_held_run(*, dag_id: str, dag_run_id: str, params: Mapping[str, Any]) -> int:
    """Open the run that decides on a held plan and return its id."""
    if not params.get("run_id") or not params.get("program_id"):
        raise ConfigurationError(
            "Say which plan is to be decided: run_id, the daily run that holds it, and program_id."
        )
    plan = decisions.HeldPlan(int(params["run_id"]), int(params["program_id"]))
    return decisions.open_held_run(_engine(), dag_id=dag_id, dag_run_id=dag_run_id, plan=plan)


def describe_held_run(run_id: int) -> dict[str, str]:
    """Return subject and body of what the person sees who decides on a held plan."""
    return vars(decisions.describe_held_run(_engine(), run_id))


def open_reinstatement(
    *, dag_id: str, dag_run_id: str, as_of: datetime, params: Mapping[str, Any]
) -> int:
    """Open the run that undoes what the parameters name, plan it, and return its id."""
    request = runs.RunRequest(dag_id, dag_run_id, as_of, run_type="reinstatement")
    card_ids = params.get("card_ids")
    undoing = decisions.Undoing(
        run_id=params.get("run_id"),
        program_id=params.get("program_id"),
        card_ids=tuple(card_ids) if card_ids else None,
    )
    return decisions.open_reinstatement(_engine(), request, undoing)


def describe_reinstatement(run_id: int) -> dict[str, str]:
    """Return subject and body of what the person sees who decides on a reinstatement."""
    return vars(decisions.describe_reinstatement(_engine(), run_id))


def decide(run_id: int, kind: Kind, answered: Mapping[str, Any]) -> str:
    """Write down what a person answered in Airflow's UI, and skip what was not approved."""
    user = answered["responded_by_user"]
    if user is None:  # Nobody answered in time; Airflow took the default answer.
        return decisions.decide(_engine(), run_id, kind, "timed_out")
    approved = answered["chosen_options"] == ["Approve"]
    answer: decisions.Answer = "approved" if approved else "rejected"
    return decisions.decide(_engine(), run_id, kind, answer, user["name"] or user["id"])


def share_cohort(run_id: int, kind: Kind, shares_max: int) -> list[dict[str, int]]:
    """Share one cohort among tasks; returns ranges of card ids that `carry_out` takes."""
    shares = cohorts.share_cohort(_engine(), run_id, kind, shares_max=shares_max)
    return [vars(share) for share in shares]


def carry_out(run_id: int, kind: Kind, share: Mapping[str, int] | None = None) -> dict[str, int]:
    """Carry out one cohort or a share of it; returns the run's cards and points done, and skips."""
    part = cohorts.Share(**share) if share else cohorts.WHOLE
    tell = metrics.progress(kind)
    return vars(cohorts.carry_out(_engine(), run_id, kind, share=part, tell=tell))


def export_files(run_id: int, kind: cohort_files.FileKind) -> tuple[list[str], dict[str, int]]:
    """Write the cohort files; returns the part names, and figures for the asset event."""
    made = cohort_files.export(_engine(), ObjectStoragePath(cohort_root()), run_id, kind)
    names = [part.name for part in made.parts]
    return names, {"files": len(names), "rows": made.rows, "points": made.points}


def send_mail(
    run_id: int, kind: cohort_files.FileKind, part: str, *, seconds_max: float
) -> dict[str, int]:
    """Send the mails that a part names, then whatever else is due; returns counts by outcome."""
    # A third of all that is to be imported, and no other task needs it.
    from include.mail.connection import mail_server
    from include.mail.sending import send_due

    engine = _engine()
    if runs.is_dry(engine, run_id):
        log.info("Run %s is a dry run; no mail is sent.", run_id)
        return {}
    server = mail_server(BaseHook.get_connection(MAIL))
    named = cohort_files.read_ids(engine, ObjectStoragePath(cohort_root()), run_id, kind, part)
    try:
        return vars(
            send_due(
                engine,
                server,
                named_ids=named,
                tell=metrics.progress("mail"),
                count=metrics.mails,
                seconds_max=seconds_max,
            )
        )
    finally:
        metrics.outbox(engine)


def queue_events(*, dag_id: str, dag_run_id: str) -> int | None:
    """Queue the mails of new lifecycle events; returns the run, None where there is no work."""
    dag_run = lifecycle.DagRun(dag_id, dag_run_id)
    lifecycle.queue_events(_engine(), dag_run)
    # Every ten minutes, whether a sender gets through or not.
    metrics.outbox(_engine())
    return lifecycle.run_with_work(_engine(), dag_run)


def export_events(run_id: int) -> tuple[list[dict[str, str]], dict[str, int]]:
    """Write a lifecycle run's files, one kind per event; returns the parts, and figures.

    A run without mails of its own has one empty part, so that a sender takes up what is due.
    """
    kinds = lifecycle.count_mails(_engine(), run_id)
    parts: list[dict[str, str]] = []
    figures = {"files": 0, "rows": 0, "points": 0}
    for kind in kinds or lifecycle.EVENTS[:1]:
        names, made = export_files(run_id, kind)
        parts += [{"kind": kind, "part": name} for name in names]
        figures = {name: figures[name] + made[name] for name in figures}
    return parts, figures


def prove(run_id: int) -> int:
    """Reconcile the run; returns the number of cards whose books were proven."""
    return reconcile(_engine(), run_id)


def close_run(run_id: int) -> dict[str, int]:
    """Write the report and close the run; returns its figures."""
    figures = runs.close_run(_engine(), run_id)
    metrics.run_closed(_engine(), run_id)
    return figures


def keep_forecast(run_id: int) -> dict[str, int]:
    """Keep what the next day would expire, and the outlook; returns the next day's sums."""
    engine = _engine()
    kept = forecasts.keep_forecast(engine, run_id)
    forecasts.keep_outlook(engine, run_id)
    return kept


def look_after_health() -> None:
    """Tell the operators where something is held, stuck or missing.

    Raises:
        UnwellError: there is something, whether anybody could be told or not.
    """
    troubles = health.find_troubles(_engine())
    told = [trouble.sentence for trouble in troubles if not trouble.is_before_first_run]
    if told:
        alarms.unwell(told)
        raise UnwellError(" ".join(told))


def _engine() -> Engine:
    try:
        connection = BaseHook.get_connection(DATABASE)
    except Exception as error:
        raise ConfigurationError(
            f"Airflow has no readable connection {DATABASE}; create it, or set "
            f"AIRFLOW_CONN_LOYALTY_DB. Airflow said: {error}"
        ) from error
    return _engine_at(database_url(connection))


@cache
def _engine_at(url: str) -> Engine:
    # One pool per process and address, however many stages a process runs.
    return connect(url)
