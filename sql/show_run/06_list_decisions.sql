-- Lists the runs that decide on what a daily run holds.
-- In: held runs that came of the run. Out: one row each, with its program and the answer.
-- Binds: run_id.
-- A rerun lists what is decided then.
select
    runs.id,
    runs.status,
    runs.decision,
    runs.decided_by,
    run_programs.program_id
from loyalty.expiration_runs as runs
inner join loyalty.expiration_run_programs as run_programs on runs.id = run_programs.run_id
where runs.held_run_id = %(run_id)s::bigint
order by runs.id
