"""
### Lifecycle mails, every ten minutes

Mails what has just happened to a card: enrollment, welcome bonus, reward ready. Sends whatever
else is due, too: mails that a server put off, mails that were queued while it was down.

    queue events → export files → send mail       (skipped while there is nothing to send)

**No gap, no double.** The events are read from the ledger's committed rows, each once, from the
installation on. After a pause one run makes up what was missed; a row that is committed late is
read then. Two runs at once share the work. What a till holds is mailed by the next run.

**Not mailed:** inactive cards, programs and merchants.

**A red `send_mail`** means the mail server did not answer. The mails are queued, and the next run
sends them.
"""

from __future__ import annotations

from airflow.sdk import DAG, get_current_context, task, timezone

from include.tasks import COHORT_FILES, DEFAULT_ARGS, send_mail


@task.short_circuit(
    doc_md="Queues one mail per new event of the ledger, chunk by chunk, with the ids it has read "
    "in the same transaction. Skips the rest where there is nothing to send."
)
def queue_events() -> int | None:
    from include import stages

    dag_run = get_current_context()["dag_run"]
    return stages.queue_events(dag_id=dag_run.dag_id, dag_run_id=dag_run.run_id)


@task(
    doc_md="Writes what was queued as CSV parts, one kind per event, and manifests with checksums, "
    "without names or addresses. Can always be repeated from the database.",
    outlets=[COHORT_FILES],
)
def export_files(run: int) -> list[dict[str, str]]:
    from include import stages

    parts, figures = stages.export_events(run)
    get_current_context()["outlet_events"][COHORT_FILES].extra = {"run_id": run, **figures}
    return parts


with DAG(
    dag_id="loyalty_lifecycle_mail",
    description="Mails enrollments, welcome bonuses and rewards, and whatever is due.",
    doc_md=__doc__,
    schedule="*/10 * * * *",
    # Never moves, because Airflow gives a run before the start date no task. Without catch-up the
    # latest run alone makes up a pause.
    start_date=timezone.parse("2000-01-01"),
    catchup=False,
    max_active_runs=1,
    tags=["loyalty", "mail"],
    default_args=DEFAULT_ARGS,
):
    opened = queue_events()
    send_mail.partial(run=opened).expand_kwargs(export_files(opened))
