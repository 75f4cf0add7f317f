-- Lists the programs whose expiry the run's size check holds.
-- In: the run's programs. Out: one row, their ids in order.
-- The run may be open or dry, and a later one may have proposed the program again: what is held
-- here must not be expired here, so this asks the run itself and not loyalty.held_programs.
-- Binds: run_id.
-- A rerun lists the same once the run is closed.
select
    coalesce(array_agg(run_programs.program_id order by run_programs.program_id), '{}')
        as held_program_ids
from loyalty.expiration_run_programs as run_programs
where run_programs.run_id = %(run_id)s::bigint and run_programs.size_check = 'held'
