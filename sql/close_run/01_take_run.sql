-- Takes the run for itself: waits until no transaction that writes its rows is under way (each of
-- them holds the run), and keeps new ones out.
-- In: one run. Out: one row, its id, locked until the transaction ends.
-- Binds: run_id.
-- A rerun takes it again; it changes nothing.
select runs.id as taken_run_id
from loyalty.expiration_runs as runs
where runs.id = %(run_id)s::bigint
for update
