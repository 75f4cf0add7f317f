"""The tasks that several DAGs share, and how they are retried.

The thin edge to Airflow, with `include.stages`: a task here names one stage and hands over ids,
paths and counts. Which task follows which stands in `dags/`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Literal

# Airflow's stub lacks what its deadlines are made of.
from airflow.sdk import (  # type: ignore[attr-defined]
    Asset,
    AsyncCallback,
    DeadlineAlert,
    DeadlineReference,
    ExceptionRetryPolicy,
    Metadata,
    RetryAction,
    RetryRule,
    get_current_context,
    task,
)

from include.settings import positive_int, whole_number

WARNINGS = Asset("loyalty_warnings", uri="loyalty://warnings")
EXPIRATIONS = Asset("loyalty_expirations", uri="loyalty://expirations")
REINSTATEMENTS = Asset("loyalty_reinstatements", uri="loyalty://reinstatements")
COHORT_FILES = Asset("loyalty_cohort_files", uri="loyalty://cohort-files")
MAILS = Asset("loyalty_mails", uri="loyalty://mails")
RUNS = Asset("loyalty_expiration_runs", uri="loyalty://runs")

# A pool of its own, so that slow mail servers take no slot from the books. Airflow never starts a
# task whose pool does not exist, and says so only in the scheduler's log: hence its own default.
MAIL_POOL = os.environ.get("LOYALTY_MAIL_POOL") or "default_pool"


def _deadline() -> DeadlineAlert | None:
    # Counted from when a run is queued: a missed day that is made up is not late at once. The
    # triggerer runs the callback, and imports it by its name. Off unless it is asked for: Airflow
    # 3.3.2 cannot clear a run with such a deadline (TypeError), and calls it failed in `dag.test`.
    if (os.environ.get("LOYALTY_DEADLINE_MINUTES") or "0") == "0":
        return None
    return DeadlineAlert(
        name="not finished in time",
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(minutes=positive_int("LOYALTY_DEADLINE_MINUTES", 1)),
        callback=AsyncCallback("include.alarms.deadline_missed"),
    )


# None unless LOYALTY_DEADLINE_MINUTES is set.
DEADLINE = _deadline()

# Queues of workers, where an executor has them. Airflow never starts a task whose queue no worker
# serves: hence its own default here, too.
BOOKS_QUEUE = os.environ.get("LOYALTY_BOOKS_QUEUE") or None
MAIL_QUEUE = os.environ.get("LOYALTY_MAIL_QUEUE") or None

# How many tasks expire one cohort side by side; they may run on several machines.
EXPIRY_SHARDS = positive_int("LOYALTY_EXPIRY_SHARDS", 1)

Kind = Literal["warning", "expiry"]
DecidedKind = Literal["expiry", "reinstatement"]

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
            exception="include.errors.UnfinishedError",
            action=RetryAction.RETRY,
            reason="The next try goes on with the mails that are left.",
        ),
        RetryRule(
            exception="include.errors.LoyaltyError",
            action=RetryAction.FAIL,
            reason="A person has to put this right; see the last line of the log.",
        ),
    ]
)

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "loyalty",
    "retries": whole_number("LOYALTY_TASK_RETRIES", 3),
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": RETRY_WHERE_IT_HELPS,
    "execution_timeout": timedelta(minutes=30),
    **({"queue": BOOKS_QUEUE} if BOOKS_QUEUE else {}),
}
SENDING_MAX = timedelta(hours=6)
MAIL_PLACE: dict[str, Any] = {"pool": MAIL_POOL, **({"queue": MAIL_QUEUE} if MAIL_QUEUE else {})}


@task(
    doc_md="Shares the cohort among `LOYALTY_EXPIRY_SHARDS` tasks: ranges of card ids with equally "
    "many cards. The ranges leave no card out, and each may be carried out again.",
)
def share_cohort(run: int, kind: Kind) -> list[dict[str, int]]:
    from include import stages

    return stages.share_cohort(run, kind, EXPIRY_SHARDS)


@task(
    doc_md="Expires the points, chunk by chunk: lock the cards, decide once more on the rows as "
    "they are now, then ledger row, balance and mail in one transaction. A card that a till holds "
    "is passed over and taken in a last pass; one that came back keeps its points.",
    outlets=[EXPIRATIONS],
    map_index_template="{{ share }}",
    execution_timeout=timedelta(hours=6),
)
def expire_points(run: int, share: Mapping[str, int] | None = None) -> Iterator[Metadata]:
    from include import stages

    # Names the mapped task; Airflow fails one whose template asks for what is not there.
    get_current_context()["share"] = (
        f"cards above {share['after_card_id']}" if share else "all cards"
    )
    yield Metadata(EXPIRATIONS, {"run_id": run, **stages.carry_out(run, "expiry", share)})


@task(
    doc_md="Gives back, card by card on the locked rows, what the plan names: a ledger row, the "
    "balance, and a mail where the program wants one. What changed meanwhile is skipped.",
    outlets=[REINSTATEMENTS],
    execution_timeout=timedelta(hours=6),
)
def reinstate_points(run: int) -> Iterator[Metadata]:
    from include import stages

    yield Metadata(REINSTATEMENTS, {"run_id": run, **stages.carry_out(run, "reinstatement")})


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
    **MAIL_PLACE,
    map_index_template="{{ part }}",
    execution_timeout=SENDING_MAX,
)
def send_mail(run: int, kind: Kind, part: str) -> None:
    from include import stages

    context = get_current_context()
    context["part"] = f"{kind} {part}"  # names the mapped task
    # It ends by itself before it is cut off with mails under way.
    seconds_max = (SENDING_MAX - timedelta(minutes=30)).total_seconds()
    figures = stages.send_mail(run, kind, part, seconds_max=seconds_max)
    context["outlet_events"][MAILS].extra = {"run_id": run, "kind": kind, **figures}


@task(
    doc_md="Writes down what was answered, and by whom. A plan that was rejected, got no answer in "
    "time or was overtaken by a later run is skipped, and the report says so.",
    trigger_rule="none_failed",
)
def decide(run: int, kind: DecidedKind) -> str:
    from include import stages

    answered = get_current_context()["ti"].xcom_pull(task_ids="approval")
    return stages.decide(run, kind, answered)


@task(
    doc_md="Proves the run before it is closed: every touched card's books add up, the report "
    "equals the ledger, and nothing eligible is left without a stated reason.",
    execution_timeout=timedelta(hours=6),
)
def reconcile(run: int) -> int:
    from include import stages

    stages.prove(run)
    return run


@task(
    doc_md="Writes the report by program and closes the run, whose rows never change again.",
    outlets=[RUNS],
    execution_timeout=timedelta(hours=1),
)
def close_run(run: int) -> Iterator[Metadata]:
    from include import stages

    yield Metadata(RUNS, {"run_id": run, **stages.close_run(run)})


@task(
    doc_md="Keeps which cards the next local day would expire if nobody came back: the next run is "
    "compared with it. Counts what all cards hold and will lose, for the pages. No report depends "
    "on it.",
)
def keep_forecast(run: int) -> dict[str, int]:
    from include import stages

    return stages.keep_forecast(run)
