-- Reads one run as a whole.
-- In: expiration_runs. Out: its row, or none.
-- Binds: run_id.
-- A rerun reads the same once the run is closed.
select
    runs.*,
    extract(epoch from runs.closed_at - runs.evaluated_at)::bigint as duration_seconds
from loyalty.expiration_runs as runs
where runs.id = %(run_id)s::bigint
