-- Writes each program's counts and sums into the report, from what was planned and done.
-- In: the open run's plan, deeds and skips. Out: the count columns of expiration_run_programs.
-- Binds: run_id.
-- Rerun: the same counts; a closed run is left alone.
with
plans as (
    select
        members.program_id,
        count(*) filter (where members.kind = 'warning') as warning_cards_planned,
        coalesce(sum(members.points) filter (where members.kind = 'warning'), 0)
            as warning_points_planned,
        count(*) filter (where members.kind = 'expiry') as expiry_cards_planned,
        coalesce(sum(members.points) filter (where members.kind = 'expiry'), 0)
            as expiry_points_planned,
        count(warnings.card_id) as warning_cards_queued,
        count(expirations.card_id) as cards_expired,
        coalesce(sum(expirations.points), 0) as points_expired,
        count(skips.card_id) filter (where skips.kind = 'warning') as warning_cards_skipped,
        count(skips.card_id) filter (where skips.kind = 'expiry') as expiry_cards_skipped
    from loyalty.expiration_cohort_members as members
    left join loyalty.expiration_warnings as warnings
        on
            members.kind = 'warning'
            and members.run_id = warnings.run_id
            and members.card_id = warnings.card_id
    left join loyalty.expirations as expirations
        on
            members.kind = 'expiry'
            and members.run_id = expirations.run_id
            and members.card_id = expirations.card_id
    left join loyalty.expiration_skips as skips
        on
            members.run_id = skips.run_id
            and members.kind = skips.kind
            and members.card_id = skips.card_id
    where members.run_id = %(run_id)s::bigint
    group by members.program_id
)

update loyalty.expiration_run_programs as run_programs
set
    warning_cards_planned = plans.warning_cards_planned,
    warning_points_planned = plans.warning_points_planned,
    warning_cards_queued = plans.warning_cards_queued,
    warning_cards_skipped = plans.warning_cards_skipped,
    expiry_cards_planned = plans.expiry_cards_planned,
    expiry_points_planned = plans.expiry_points_planned,
    cards_expired = plans.cards_expired,
    points_expired = plans.points_expired,
    expiry_cards_skipped = plans.expiry_cards_skipped
from plans, loyalty.expiration_runs as runs
where
    run_programs.run_id = %(run_id)s::bigint
    and run_programs.program_id = plans.program_id
    and runs.id = run_programs.run_id
    and runs.status = 'open'
