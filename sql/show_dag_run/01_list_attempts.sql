-- Lists the runs that a DAG run stands for, the latest attempt first.
-- In: expiration_runs. Out: one row per attempt, none for a DAG run that opened none.
-- Binds: dag_id, dag_run_id.
-- A rerun lists the same until the DAG run is repeated.
select runs.id
from loyalty.expiration_runs as runs
where runs.dag_id = %(dag_id)s::text and runs.dag_run_id = %(dag_run_id)s::text
order by runs.attempt desc
