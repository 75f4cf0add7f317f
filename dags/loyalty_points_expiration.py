"""
### Points expiration, every day at 02:00 UTC

Warns the customers whose points are about to expire, expires the points that are due, writes the
ledger, and mails the customers whose points went.

    open_run → late activity: plan → reinstate points
             ├─ warnings:  select cohort → queue warnings → export files → send mail
             └─ expiry:    select cohort → check size → expire points → export files → send mail
                 both carried out → reconcile → close_run → keep_forecast
                                                        (waits for no mail server, no person)

**Safe to repeat.** Clear or rerun any task or day: what was done is not done again, and the first
report stands. A missed day heals with the next run. A red task says in its last line what to do.

**A held program.** An expiry far beyond a program's own history is skipped as `held` and handed to
the DAG `loyalty_held_expirations`, where a person approves or rejects it under *Required Actions*.

**A red `send_mail`** means the mail server did not answer. Points and books are right, the mails
are queued, and the next run of any day sends them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Metadata, Param, get_current_context, task, task_group, timezone

from include.alarms import run_failed
from include.tasks import (
    DEADLINE,
    DEFAULT_ARGS,
    EXPIRY_SHARDS,
    WARNINGS,
    Kind,
    close_run,
    expire_points,
    export_files,
    keep_forecast,
    reconcile,
    reinstate_points,
    send_mail,
    share_cohort,
)

if TYPE_CHECKING:
    from airflow.sdk.definitions.xcom_arg import XComArg

START_DATE = os.environ.get("LOYALTY_START_DATE")
RELEASED_ON = "2026-11-23"


@task(
    doc_md="Works out `as_of`, refuses a future one, opens the run's row and writes down every "
    "program's settings, local date and cut-off. Everything later goes by this snapshot."
)
def open_run() -> int:
    from include import stages

    context = get_current_context()
    dag_run = context["dag_run"]
    return stages.open_run(
        dag_id=dag_run.dag_id,
        dag_run_id=dag_run.run_id,
        logical_date=dag_run.logical_date,
        run_after=dag_run.run_after,
        params=context["params"],
    )


@task(
    doc_md="Plans to give back what expired although its customer had come in time: activity from "
    "before the last usable day was over that reached the database after the expiry.",
    execution_timeout=timedelta(hours=1),
)
def select_late_activity(run: int) -> dict[str, int]:
    from include import stages

    return stages.select_cohort(run, "reinstatement")


@task(
    doc_md="Plans the cohort by thresholds, set-based, in one statement. The plan is insert-only: "
    "a rerun adds nothing twice.",
    execution_timeout=timedelta(hours=1),
)
def select_cohort(run: int, kind: Kind) -> dict[str, int]:
    from include import stages

    return stages.select_cohort(run, kind)


@task(
    doc_md="Queues the warning mails, chunk by chunk: lock the cards, decide once more, queue the "
    "mail and stamp the card in one transaction.",
    outlets=[WARNINGS],
    execution_timeout=timedelta(hours=6),
)
def queue_warnings(run: int) -> Iterator[Metadata]:
    from include import stages

    yield Metadata(WARNINGS, {"run_id": run, **stages.carry_out(run, "warning")})


@task(
    doc_md="Judges each program's expiry cohort against its own history. What is far beyond it (a "
    "settings change, a broken import) is skipped as `held` and waits for a person's approval.",
)
def check_size(run: int) -> list[dict[str, Any]]:
    from include import stages

    return stages.check_size(run)


@task_group(tooltip="Points that expired although the customer had come in time")
def late_activity(run: int) -> XComArg:
    given_back = reinstate_points(run)
    select_late_activity(run) >> given_back
    return given_back


@task_group(tooltip="Customers whose points are about to expire")
def warnings(run: int) -> XComArg:
    carried_out = queue_warnings(run)
    parts = export_files(run, "warning")
    select_cohort(run, "warning") >> carried_out >> parts
    send_mail.partial(run=run, kind="warning").expand(part=parts)
    return carried_out


@task_group(tooltip="Points that are due")
def expiry(run: int) -> XComArg:
    held_programs = check_size(run)
    TriggerDagRunOperator.partial(
        task_id="hand_over_held",
        trigger_dag_id="loyalty_held_expirations",
        logical_date=None,
        skip_when_already_exists=True,
        doc_md="One approval per held program, in a DAG run of its own; this run does not wait.",
    ).expand_kwargs(held_programs)
    parts = export_files(run, "expiry")
    select_cohort(run, "expiry") >> held_programs
    if EXPIRY_SHARDS == 1:
        carried_out = expire_points(run)
        held_programs >> carried_out
    else:
        shares = share_cohort(run, "expiry")
        held_programs >> shares
        carried_out = expire_points.partial(run=run).expand(share=shares)
    carried_out >> parts
    send_mail.partial(run=run, kind="expiry").expand(part=parts)
    return carried_out


with DAG(
    dag_id="loyalty_points_expiration",
    description="Warns about and expires loyalty points, every day.",
    doc_md=__doc__,
    schedule="0 2 * * *",
    # Airflow gives a run before the start date no task and calls it a success, so the start must
    # never move. Without one of your own it is the day of this release.
    start_date=timezone.parse(START_DATE or RELEASED_ON),
    catchup=True,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=20),
    tags=["loyalty", "daily", "points"],
    params={
        "as_of": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="As of",
            description="The instant the run stands for; empty: the run's own date.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Plan and report only; write nothing to cards, ledger or mail.",
        ),
        "merchant_ids": Param(
            None,
            type=["null", "array"],
            items={"type": "integer"},
            title="Merchants",
            description="Only these merchants' programs; empty: all.",
        ),
    },
    default_args=DEFAULT_ARGS,
    on_failure_callback=run_failed,
    deadline=DEADLINE,
):
    opened = open_run()
    proven = reconcile(opened)
    late_activity(opened) >> [warnings(opened), expiry(opened)] >> proven
    close_run(proven) >> keep_forecast(opened)
