-- Finds the latest attempt of a DAG run.
-- In: expiration_runs. Out: one row, its id and date, or none.
-- Binds: dag_run_id.
-- A rerun finds the same until the DAG run is repeated.
select
    runs.id as run_id,
    runs.as_of
from loyalty.expiration_runs as runs
where runs.dag_run_id = %(dag_run_id)s::text
order by runs.attempt desc
limit 1
