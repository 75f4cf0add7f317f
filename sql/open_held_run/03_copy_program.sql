-- Copies the settings, dates and size check by which the plan was made.
-- In: the held program's row of the daily run. Out: the same row under the new run, its counts 0.
-- Binds: run_id, held_run_id, program_id.
-- Rerun: the row is there already.
insert into loyalty.expiration_run_programs (
    run_id, program_id, merchant_id, points_expiration_days, warning_days, warning_stages,
    stages_cut, min_notice_days, time_zone, today, evaluated_on, cutoff_at, size_check,
    size_check_cards, size_check_median_ratio, size_check_points_share, history_days,
    history_cards_median, elapsed_days, points_outstanding
)
select
    %(run_id)s::bigint as run_id,
    held.program_id,
    held.merchant_id,
    held.points_expiration_days,
    held.warning_days,
    held.warning_stages,
    held.stages_cut,
    held.min_notice_days,
    held.time_zone,
    held.today,
    held.evaluated_on,
    held.cutoff_at,
    held.size_check,
    held.size_check_cards,
    held.size_check_median_ratio,
    held.size_check_points_share,
    held.history_days,
    held.history_cards_median,
    held.elapsed_days,
    held.points_outstanding
from loyalty.expiration_run_programs as held
where
    held.run_id = %(held_run_id)s::bigint
    and held.program_id = %(program_id)s::bigint
on conflict do nothing
