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
        count(skips.card_id) filter (where skips.kind = 'warning' and warnings.card_id is null)
            as warning_cards_skipped,
        count(skips.card_id) filter (where skips.kind = 'expiry' and expirations.card_id is null)
            as expiry_cards_skipped
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
),

reinstatement_plans as (
    select
        members.program_id,
        count(distinct reinstatements.card_id) as cards_reinstated,
        coalesce(sum(reinstatements.points), 0) as points_reinstated,
        count(*) filter (where reinstatements.transaction_id is null) as reinstatements_skipped
    from loyalty.reinstatement_members as members
    left join loyalty.reinstatements as reinstatements
        on
            members.run_id = reinstatements.run_id
            and members.expiration_id = reinstatements.expiration_id
    where members.run_id = %(run_id)s::bigint
    group by members.program_id
)

update loyalty.expiration_run_programs as run_programs
set
    warning_cards_planned = coalesce(plans.warning_cards_planned, 0),
    warning_points_planned = coalesce(plans.warning_points_planned, 0),
    warning_cards_queued = coalesce(plans.warning_cards_queued, 0),
    warning_cards_skipped = coalesce(plans.warning_cards_skipped, 0),
    expiry_cards_planned = coalesce(plans.expiry_cards_planned, 0),
    expiry_points_planned = coalesce(plans.expiry_points_planned, 0),
    cards_expired = coalesce(plans.cards_expired, 0),
    points_expired = coalesce(plans.points_expired, 0),
    expiry_cards_skipped = coalesce(plans.expiry_cards_skipped, 0),
    cards_reinstated = coalesce(reinstatement_plans.cards_reinstated, 0),
    points_reinstated = coalesce(reinstatement_plans.points_reinstated, 0),
    reinstatements_skipped = coalesce(reinstatement_plans.reinstatements_skipped, 0)
from plans
full join reinstatement_plans on plans.program_id = reinstatement_plans.program_id
where
    run_programs.run_id = %(run_id)s::bigint
    and run_programs.program_id = coalesce(plans.program_id, reinstatement_plans.program_id)
    and exists (
        select 1
        from loyalty.expiration_runs as runs
        where runs.id = run_programs.run_id and runs.status = 'open'
    )
