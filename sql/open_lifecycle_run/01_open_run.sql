-- Opens the run of a DAG run that has something to do.
-- In: nothing. Out: at most one new row in lifecycle_runs.
-- Binds: dag_id, dag_run_id, opened_at.
-- Rerun: a run that is open is kept, and takes no number.
insert into loyalty.lifecycle_runs (dag_id, dag_run_id, opened_at)
select
    %(dag_id)s::text as dag_id,
    %(dag_run_id)s::text as dag_run_id,
    %(opened_at)s::timestamptz as opened_at
where
    not exists (
        select 1
        from loyalty.lifecycle_runs as runs
        where
            runs.dag_id = %(dag_id)s::text
            and runs.dag_run_id = %(dag_run_id)s::text
    )
on conflict (dag_id, dag_run_id) do nothing
