"""
### Give expired points back

Undoes the expiries of a whole run, of a program or of some cards, by ledger rows of their own:
nothing that was written is edited. Name at least one; where several are given, only what all of
them name is given back.

The run shows first what it would do (**Required Actions**) and waits for *Approve*. What changed
meanwhile is skipped, and the report says so. Points that come back stay until the card's next
activity starts a new cycle.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Param, get_current_context, task

from include.alarms import run_failed
from include.tasks import DEFAULT_ARGS, close_run, decide, reconcile, reinstate_points


@task(
    doc_md="Opens a run of its own and plans what the parameters name.",
    execution_timeout=timedelta(hours=1),
)
def open_reinstatement() -> int:
    from include import stages

    context = get_current_context()
    dag_run = context["dag_run"]
    return stages.open_reinstatement(
        dag_id=dag_run.dag_id,
        dag_run_id=dag_run.run_id,
        as_of=dag_run.logical_date or dag_run.run_after,
        params=context["params"],
    )


@task(doc_md="Puts into words what the person who decides has to know.")
def describe_plan(run: int) -> dict[str, str]:
    from include import stages

    return stages.describe_reinstatement(run)


with DAG(
    dag_id="loyalty_points_reinstatement",
    description="Gives expired points back, after a preview and an approval.",
    doc_md=__doc__,
    schedule=None,
    tags=["loyalty", "approval", "points"],
    params={
        "run_id": Param(
            None,
            type=["null", "integer"],
            title="Run",
            description="Everything that this run (expiration_runs.id) expired.",
        ),
        "program_id": Param(
            None,
            type=["null", "integer"],
            title="Program",
            description="Everything that expired in this program.",
        ),
        "card_ids": Param(
            None,
            type=["null", "array"],
            items={"type": "integer"},
            title="Cards",
            description="Everything that expired on these cards (loyalty_cards.id).",
        ),
    },
    default_args=DEFAULT_ARGS,
    on_failure_callback=run_failed,
):
    opened = open_reinstatement()
    proposal = describe_plan(opened)
    approval = ApprovalOperator(
        task_id="approval",
        subject="{{ ti.xcom_pull(task_ids='describe_plan')['subject'] }}",
        body="{{ ti.xcom_pull(task_ids='describe_plan')['body'] }}",
        defaults=ApprovalOperator.REJECT,
        response_timeout=timedelta(hours=24),
        execution_timeout=None,
        doc_md="Waits for a person, a day at the most; without an answer nothing is given back.",
    )
    # A rejection skips what follows the approval directly; the decision itself must not be skipped.
    approved = EmptyOperator(task_id="approved", doc_md="Skipped unless the plan was approved.")
    decided = decide(opened, "reinstatement")
    carried_out = reinstate_points(opened)
    proposal >> approval >> approved >> decided >> carried_out
    proven = reconcile(opened)
    carried_out >> proven
    close_run(proven)
