-- Lists a run's programs with their settings as they were, their cohorts and the size check.
-- In: the run's rows of expiration_run_programs. Out: one row per program, the exempt ones last.
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
order by run_programs.exempt_reason is not null, run_programs.program_id
