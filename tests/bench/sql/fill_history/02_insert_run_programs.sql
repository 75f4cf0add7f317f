-- Every program's settings as each run found them.
-- In: runs and programs. Out: one row per run and program.
-- Binds: none.
-- Rerun: only on a platform without runs.
insert into loyalty.expiration_run_programs (
    run_id, program_id, merchant_id, points_expiration_days, warning_days, warning_stages,
    time_zone, today, evaluated_on, cutoff_at, size_check, history_days
)
select
    runs.id as run_id,
    programs.id as program_id,
    programs.merchant_id,
    programs.points_expiration_days,
    programs.warning_days,
    programs.warning_days::integer[] as warning_stages,
    programs.time_zone,
    (runs.as_of at time zone programs.time_zone)::date as today,
    (runs.as_of at time zone programs.time_zone)::date as evaluated_on,
    runs.as_of - programs.points_expiration_days * interval '1 day' as cutoff_at,
    'passed' as size_check,
    7 as history_days
from loyalty.expiration_runs as runs
cross join loyalty.loyalty_programs as programs
