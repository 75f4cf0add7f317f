-- Reads a run's report, program by program.
-- In: expiration_run_programs of one run. Out: one row per program, with its names.
-- Binds: run_id.
-- A rerun reads the same once the run is closed.
select
    run_programs.*,
    programs.name as program_name,
    merchants.name as merchant_name
from loyalty.expiration_run_programs as run_programs
inner join loyalty.loyalty_programs as programs on run_programs.program_id = programs.id
inner join loyalty.merchants as merchants on run_programs.merchant_id = merchants.id
where run_programs.run_id = %(run_id)s::bigint
order by run_programs.program_id
