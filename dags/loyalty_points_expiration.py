"""
### Points expiration, every day at 02:00 UTC

Warns the customers whose points are about to expire, expires the points that are due, writes the
ledger, and mails the customers whose points went.

    open_run ─┬─ warnings:  select cohort → queue warnings → export files → send mail
              └─ expiry:    select cohort → (size check) → expire points → export files → send mail
                  both carried out → reconcile → close_run     (waits for no mail server)

**Safe to repeat.** Clear or rerun any task or day: what was done is not done again, and the first
report stands. A missed day heals with the next run. A red task says in its last line what to do.

**A red `send_mail`** means the mail server did not answer. Points and books are right, the mails
are queued, and the next run of any day sends them.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from airflow.sdk import (
    DAG,
    Asset,
    ExceptionRetryPolicy,
    Metadata,
    Param,
    RetryAction,
    RetryRule,
    get_current_context,
    task,
    task_group,
    timezone,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk.definitions.xcom_arg import XComArg

START_DATE = os.environ.get("LOYALTY_START_DATE")
RETRIES = int(os.environ.get("LOYALTY_TASK_RETRIES", "3"))

WARNINGS = Asset("loyalty_warnings", uri="loyalty://warnings")
EXPIRATIONS = Asset("loyalty_expirations", uri="loyalty://expirations")
COHORT_FILES = Asset("loyalty_cohort_files", uri="loyalty://cohort-files")
MAILS = Asset("loyalty_mails", uri="loyalty://mails")
RUNS = Asset("loyalty_expiration_runs", uri="loyalty://runs")

Kind = Literal["warning", "expiry"]

# A lost connection or a busy lock passes; what a person has to put right does not.
RETRY_WHERE_IT_HELPS = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="include.errors.DatabaseUnreachableError",
            action=RetryAction.RETRY,
            reason="The database may be back in a moment.",
        ),
        RetryRule(
            exception="include.errors.MailServerError",
            action=RetryAction.RETRY,
            retry_delay=timedelta(minutes=5),
            reason="The mail server may be back in a few minutes; the mails stay queued.",
        ),
        RetryRule(
            exception="include.errors.LoyaltyError",
            action=RetryAction.FAIL,
            reason="A person has to put this right; see the last line of the log.",
        ),
    ]
)


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
    doc_md="Expires the points, chunk by chunk: lock the cards, decide once more on the rows as "
    "they are now, then ledger row, balance and mail in one transaction. A card that a till holds "
    "is passed over and taken in a last pass; one that came back keeps its points.",
    outlets=[EXPIRATIONS],
    execution_timeout=timedelta(hours=6),
)
def expire_points(run: int) -> Iterator[Metadata]:
    from include import stages

    yield Metadata(EXPIRATIONS, {"run_id": run, **stages.carry_out(run, "expiry")})


@task(
    doc_md="Writes what was queued or expired as CSV parts and a manifest with checksums, without "
    "names or addresses. Can always be repeated from the database.",
    outlets=[COHORT_FILES],
    execution_timeout=timedelta(hours=1),
)
def export_files(run: int, kind: Kind) -> list[str]:
    from include import stages

    parts, figures = stages.export_files(run, kind)
    get_current_context()["outlet_events"][COHORT_FILES].extra = {
        "run_id": run,
        "kind": kind,
        **figures,
    }
    return parts


@task(
    doc_md="Sends the mails that one file part names, then whatever else is due, and records every "
    "outcome. Red when the mail server does not answer: the mails stay queued.",
    outlets=[MAILS],
    map_index_template="{{ part }}",
    execution_timeout=timedelta(hours=6),
)
def send_mail(run: int, kind: Kind, part: str) -> None:
    from include import stages

    context = get_current_context()
    context["part"] = part  # names the mapped task
    figures = stages.send_mail(run, kind, part)
    context["outlet_events"][MAILS].extra = {"run_id": run, "kind": kind, **figures}


@task(
    doc_md="Proves the run before it is closed: every touched card's books add up, the report "
    "equals the ledger, and nothing eligible is left without a stated reason."
)
def reconcile(run: int) -> int:
    from include import stages

    stages.prove(run)
    return run


@task(
    doc_md="Writes the report by program and closes the run, whose rows never change again.",
    outlets=[RUNS],
)
def close_run(run: int) -> Iterator[Metadata]:
    from include import stages

    yield Metadata(RUNS, {"run_id": run, **stages.close_run(run)})


@task_group(tooltip="Customers whose points are about to expire")
def warnings(run: int) -> XComArg:
    carried_out = queue_warnings(run)
    parts = export_files(run, "warning")
    select_cohort(run, "warning") >> carried_out >> parts
    send_mail.partial(run=run, kind="warning").expand(part=parts)
    return carried_out


@task_group(tooltip="Points that are due")
def expiry(run: int) -> XComArg:
    carried_out = expire_points(run)
    parts = export_files(run, "expiry")
    # The size check takes its place between the selection and the expiry.
    select_cohort(run, "expiry") >> carried_out >> parts
    send_mail.partial(run=run, kind="expiry").expand(part=parts)
    return carried_out


with DAG(
    dag_id="loyalty_points_expiration",
    description="Warns about and expires loyalty points, every day.",
    doc_md=__doc__,
    schedule="0 2 * * *",
    start_date=(
        timezone.parse(START_DATE)
        if START_DATE
        else datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        - timedelta(days=1)
    ),
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
    default_args={
        "owner": "loyalty",
        "retries": RETRIES,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
        "retry_policy": RETRY_WHERE_IT_HELPS,
        "execution_timeout": timedelta(minutes=30),
    },
):
    opened = open_run()
    proven = reconcile(opened)
    [warnings(opened), expiry(opened)] >> proven
    close_run(proven)
