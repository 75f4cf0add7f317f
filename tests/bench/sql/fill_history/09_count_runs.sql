-- Each run's figures.
-- In: the runs' programs. Out: the counts and sums of the runs.
-- Binds: none.
-- Rerun: only on a platform without runs.
with
counted as (
    select
        run_programs.run_id,
        count(*) as programs_total,
        sum(run_programs.warning_cards_queued) as cards_warned,
        sum(run_programs.warning_points_planned) as points_warned,
        sum(run_programs.cards_expired) as cards_expired,
        sum(run_programs.points_expired) as points_expired
    from loyalty.expiration_run_programs as run_programs
    group by run_programs.run_id
)

update loyalty.expiration_runs as runs
set
    programs_total = counted.programs_total,
    warning_cards_planned = counted.cards_warned,
    warning_points_planned = counted.points_warned,
    warning_cards_queued = counted.cards_warned,
    expiry_cards_planned = counted.cards_expired,
    expiry_points_planned = counted.points_expired,
    cards_expired = counted.cards_expired,
    points_expired = counted.points_expired
from counted
where runs.id = counted.run_id
