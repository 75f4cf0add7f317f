-- Reads the closed run's totals.
-- In: one run. Out: its row of expiration_runs.
-- Binds: run_id.
-- A rerun reads the same.
select runs.*
from loyalty.expiration_runs as runs
where runs.id = %(run_id)s::bigint
