-- Finds the run of a DAG run.
-- In: lifecycle_runs. Out: one row, the run's id; null where it has had nothing to do.
-- Binds: dag_id, dag_run_id.
-- A rerun finds the same.
select max(runs.id) as run_id
from loyalty.lifecycle_runs as runs
where
    runs.dag_id = %(dag_id)s::text
    and runs.dag_run_id = %(dag_run_id)s::text
