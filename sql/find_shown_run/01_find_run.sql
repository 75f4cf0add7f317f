-- Finds the run that a page shows: by its id, or the latest attempt of a DAG run.
-- In: runs of every kind. Out: one row, none where there is no such run.
-- Binds: run_id (null: by the other two), dag_id, dag_run_id.
-- A rerun reads again; it changes nothing.
select
    runs.*,
    extract(epoch from runs.closed_at - runs.evaluated_at)::bigint as duration_seconds
from loyalty.expiration_runs as runs
where
    runs.id = %(run_id)s::bigint
    or (
        %(run_id)s::bigint is null
        and runs.dag_id = %(dag_id)s::text
        and runs.dag_run_id = %(dag_run_id)s::text
    )
order by runs.attempt desc
limit 1
