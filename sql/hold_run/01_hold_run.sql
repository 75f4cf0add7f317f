-- Holds the open run until the transaction ends, so that nobody closes it under what is being
-- written; closing takes the same row for itself first.
-- In: one run. Out: one row; is_open is false where the run is closed and takes no more rows.
-- Prepared: every chunk runs it.
-- Binds: run_id.
-- A rerun holds the same row again; it changes nothing.
with
held_run as materialized (
    select runs.id
    from loyalty.expiration_runs as runs
    where runs.id = %(run_id)s::bigint and runs.status = 'open'
    for key share
)

select count(*) = 1 as is_open
from held_run
