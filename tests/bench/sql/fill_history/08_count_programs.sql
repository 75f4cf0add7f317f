-- Each run's figures per program.
-- In: planned cards, all of them carried out. Out: the counts and sums of the runs' programs.
-- Binds: none.
-- Rerun: only on a platform without runs.
with
counted as (
    select
        members.run_id,
        members.program_id,
        count(*) filter (where members.kind = 'warning') as cards_warned,
        coalesce(sum(members.points) filter (where members.kind = 'warning'), 0) as points_warned,
        count(*) filter (where members.kind = 'expiry') as cards_expired,
        coalesce(sum(members.points) filter (where members.kind = 'expiry'), 0) as points_expired
    from loyalty.expiration_cohort_members as members
    group by members.run_id, members.program_id
)

update loyalty.expiration_run_programs as run_programs
set
    warning_cards_planned = counted.cards_warned,
    warning_points_planned = counted.points_warned,
    warning_cards_queued = counted.cards_warned,
    expiry_cards_planned = counted.cards_expired,
    expiry_points_planned = counted.points_expired,
    cards_expired = counted.cards_expired,
    points_expired = counted.points_expired
from counted
where
    run_programs.run_id = counted.run_id
    and run_programs.program_id = counted.program_id
