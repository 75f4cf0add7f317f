-- Opens the run under which a held plan is decided, or the next attempt where it was repeated.
-- In: the daily run that holds the program, and the attempts of this DAG run. Out: at most one new
-- row in expiration_runs; none where that run does not hold the program.
-- Binds: dag_id, dag_run_id, held_run_id, program_id, evaluated_at.
-- Rerun: an open attempt is kept, so a task that starts twice continues one run.
insert into loyalty.expiration_runs (
    dag_id, dag_run_id, attempt, as_of, evaluated_at, ledger_id_before, run_type, held_run_id
)
select
    %(dag_id)s::text as dag_id,
    %(dag_run_id)s::text as dag_run_id,
    (
        select coalesce(max(previous.attempt), 0) + 1
        from loyalty.expiration_runs as previous
        where
            previous.dag_id = %(dag_id)s::text
            and previous.dag_run_id = %(dag_run_id)s::text
    ) as attempt,
    held_runs.as_of,
    %(evaluated_at)s::timestamptz as evaluated_at,
    coalesce((select max(ledger.id) from loyalty.loyalty_transactions as ledger), 0)
        as ledger_id_before,
    'held' as run_type,
    held_runs.id as held_run_id
from loyalty.expiration_runs as held_runs
inner join loyalty.expiration_run_programs as held_programs on held_runs.id = held_programs.run_id
where
    held_runs.id = %(held_run_id)s::bigint
    and held_runs.run_type = 'daily'
    and not held_runs.dry_run
    and held_programs.program_id = %(program_id)s::bigint
    and held_programs.size_check = 'held'
    and not exists (
        select 1
        from loyalty.expiration_runs as previous
        where
            previous.dag_id = %(dag_id)s::text
            and previous.dag_run_id = %(dag_run_id)s::text
            and previous.status = 'open'
    )
on conflict do nothing
