-- Lists a run's programs with the settings and figures as the run wrote them down.
-- In: expiration_run_programs of one run. Out: one row per program, 100 a page, those with
-- something to tell first.
-- Binds: run_id, skip_rows.
-- A rerun reads again; it changes nothing.
select
    run_programs.*,
    programs.name as program_name,
    merchants.name as merchant_name,
    count(*) over () as rows_total
from loyalty.expiration_run_programs as run_programs
inner join loyalty.loyalty_programs as programs on run_programs.program_id = programs.id
inner join loyalty.merchants as merchants on run_programs.merchant_id = merchants.id
where run_programs.run_id = %(run_id)s::bigint
order by
    (run_programs.size_check is not distinct from 'held') desc,
    run_programs.points_expired desc,
    run_programs.warning_cards_queued desc,
    run_programs.program_id asc
limit 100 offset %(skip_rows)s::bigint
