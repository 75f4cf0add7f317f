"""
### A held expiry waits for a person

The daily run holds a program whose expiry cohort is far beyond its own history (settings changed
from 365 days to 36, a broken import) and starts one run of this DAG for it.

Open the run, then **Required Actions**: it shows cards, points, their share, the program's history
and what changed in the settings. *Approve* carries out exactly that plan, each card checked once
more. *Reject* takes nothing. Without an answer the plan lapses; the next daily run proposes what
is due then.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Param, get_current_context, task

from include.alarms import run_failed
from include.tasks import (
    DEFAULT_ARGS,
    close_run,
    decide,
    expire_points,
    export_files,
    reconcile,
    send_mail,
)


@task(
    doc_md="Opens a run of its own with a copy of exactly the plan that is held, and describes it."
)
def open_held_run() -> int:
    from include import stages

    context = get_current_context()
    dag_run = context["dag_run"]
    return stages.open_held_run(
        dag_id=dag_run.dag_id, dag_run_id=dag_run.run_id, params=context["params"]
    )


@task(doc_md="Puts into words what the person who decides has to know.")
def describe_plan(run: int) -> dict[str, str]:
    from include import stages

    return stages.describe_held_run(run)


with DAG(
    dag_id="loyalty_held_expirations",
    description="A held program's approval and expiry.",
    doc_md=__doc__,
    schedule=None,
    tags=["loyalty", "approval", "points"],
    params={
        "run_id": Param(
            None,
            type=["null", "integer"],
            title="Run",
            description="The daily run (expiration_runs.id) whose size check holds the program.",
        ),
        "program_id": Param(
            None, type=["null", "integer"], title="Program", description="The program it holds."
        ),
    },
    default_args=DEFAULT_ARGS,
    on_failure_callback=run_failed,
):
    opened = open_held_run()
    proposal = describe_plan(opened)
    approval = ApprovalOperator(
        task_id="approval",
        subject="{{ ti.xcom_pull(task_ids='describe_plan')['subject'] }}",
        body="{{ ti.xcom_pull(task_ids='describe_plan')['body'] }}",
        defaults=ApprovalOperator.REJECT,
        response_timeout=timedelta(hours=24),
        execution_timeout=None,
        doc_md="Waits for a person, a day at the most; without an answer nothing is taken.",
    )
    # A rejection skips what follows the approval directly; the decision itself must not be skipped.
    approved = EmptyOperator(task_id="approved", doc_md="Skipped unless the plan was approved.")
    decided = decide(opened, "expiry")
    carried_out = expire_points(opened)
    parts = export_files(opened, "expiry")
    proposal >> approval >> approved >> decided >> carried_out >> parts
    send_mail.partial(run=opened, kind="expiry").expand(part=parts)
    proven = reconcile(opened)
    carried_out >> proven
    close_run(proven)
