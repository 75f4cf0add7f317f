-- Reads the open attempt of this DAG run.
-- In: expiration_runs. Out: one row; its run_id is the bind of every later stage.
-- Binds: dag_id, dag_run_id.
-- A rerun reads the same row until the run is closed.
select
    runs.id as run_id,
    runs.attempt
from loyalty.expiration_runs as runs
where
    runs.dag_id = %(dag_id)s::text
    and runs.dag_run_id = %(dag_run_id)s::text
    and runs.status = 'open'
