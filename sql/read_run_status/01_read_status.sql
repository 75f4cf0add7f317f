-- Tells whether a run only plans, and its date.
-- In: one run, of either table. Out: one row.
-- Binds: run_id.
-- A rerun reads the same until the run is closed.
select
    runs.dry_run,
    runs.as_of
from loyalty.expiration_runs as runs
where runs.id = %(run_id)s::bigint
union all
select
    false as dry_run,
    lifecycle_runs.opened_at as as_of
from loyalty.lifecycle_runs as lifecycle_runs
where lifecycle_runs.id = %(run_id)s::bigint
