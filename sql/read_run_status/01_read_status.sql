-- Tells whether a run only plans, and its date.
-- In: one run. Out: one row.
-- Binds: run_id.
-- A rerun reads the same until the run is closed.
select
    runs.dry_run,
    runs.as_of
from loyalty.expiration_runs as runs
where runs.id = %(run_id)s::bigint
