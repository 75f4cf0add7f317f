-- Opens the run: its first attempt, or the next one where every attempt before it is closed.
-- In: the attempts of this DAG run. Out: at most one new row in expiration_runs.
-- Binds: dag_id, dag_run_id, as_of, evaluated_at (first reading of the clock), dry_run,
-- merchant_ids (null: all), run_type (daily or reinstatement).
-- Rerun: an open attempt is kept, so a task that starts twice continues one run.
insert into loyalty.expiration_runs (
    dag_id, dag_run_id, attempt, as_of, evaluated_at, dry_run, merchant_ids, ledger_id_before,
    run_type
)
select
    %(dag_id)s::text as dag_id,
    %(dag_run_id)s::text as dag_run_id,
    coalesce(max(previous.attempt), 0) + 1 as attempt,
    %(as_of)s::timestamptz as as_of,
    %(evaluated_at)s::timestamptz as evaluated_at,
    %(dry_run)s::boolean as dry_run,
    %(merchant_ids)s::bigint[] as merchant_ids,
    coalesce((select max(ledger.id) from loyalty.loyalty_transactions as ledger), 0)
        as ledger_id_before,
    %(run_type)s::text as run_type
from loyalty.expiration_runs as previous
where
    previous.dag_id = %(dag_id)s::text
    and previous.dag_run_id = %(dag_run_id)s::text
having not coalesce(bool_or(previous.status = 'open'), false)
on conflict do nothing
