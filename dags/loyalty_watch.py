"""
### Is all well? Every day at 06:00 UTC

Looks for what nobody would notice otherwise: no daily run closed for 26 hours, a program that
was left out or is held, mails that are stuck. If there is something, the run is red and the
operators (`LOYALTY_OPERATORS`) are mailed the same sentences that `make check` prints.

It cannot see that Airflow itself is down. For that let something else call `make check`.
"""

from __future__ import annotations

from airflow.sdk import DAG, task, timezone

from include.tasks import DEFAULT_ARGS


@task(
    doc_md="Red where something wants a person; the last line of the log says what, and "
    "docs/at-3-am.md what to do."
)
def look_after_health() -> None:
    from include import stages

    stages.look_after_health()


with DAG(
    dag_id="loyalty_watch",
    description="Tells the operators where a run is missing, a program is held or mails are stuck.",
    doc_md=__doc__,
    schedule="0 6 * * *",
    # Never moves, because Airflow gives a run before the start date no task.
    start_date=timezone.parse("2000-01-01"),
    catchup=False,
    max_active_runs=1,
    tags=["loyalty", "alarm"],
    default_args=DEFAULT_ARGS,
):
    look_after_health()
