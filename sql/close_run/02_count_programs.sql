-- Writes each program's counts and sums into the report, from what was planned and done.
-- In: the open run's plan, deeds and skips. Out: the count columns of expiration_run_programs.
-- Plan, deed and skip of a card are brought together by grouping: of a run whose rows nobody has
-- counted yet the planner expects one, and would join each with all others.
-- Binds: run_id.
-- Rerun: the same counts; a closed run is left alone.
with
records as (
    select
        members.kind,
        members.card_id,
        members.program_id,
        members.points as points_planned,
        null::bigint as points_expired,
        false as is_queued,
        false as is_skipped
    from loyalty.expiration_cohort_members as members
    where members.run_id = %(run_id)s::bigint
    union all
    select
        'warning' as kind,
        warnings.card_id,
        null as program_id,
        null as points_planned,
        null as points_expired,
        true as is_queued,
        false as is_skipped
    from loyalty.expiration_warnings as warnings
    where warnings.run_id = %(run_id)s::bigint
    union all
    select
        'expiry' as kind,
        expirations.card_id,
        null as program_id,
        null as points_planned,
        expirations.points as points_expired,
        false as is_queued,
        false as is_skipped
    from loyalty.expirations as expirations
    where expirations.run_id = %(run_id)s::bigint
    union all
    select
        skips.kind,
        skips.card_id,
        null as program_id,
        null as points_planned,
        null as points_expired,
        false as is_queued,
        true as is_skipped
    from loyalty.expiration_skips as skips
    where skips.run_id = %(run_id)s::bigint
),

outcomes as (
    select
        records.kind,
        max(records.program_id) as program_id,
        max(records.points_planned) as points_planned,
        max(records.points_expired) as points_expired,
        bool_or(records.is_queued) as is_queued,
        bool_or(records.is_skipped) as is_skipped
    from records
    group by records.kind, records.card_id
),

plans as (
    select
        outcomes.program_id,
        count(*) filter (where outcomes.kind = 'warning') as warning_cards_planned,
        coalesce(sum(outcomes.points_planned) filter (where outcomes.kind = 'warning'), 0)
            as warning_points_planned,
        count(*) filter (where outcomes.kind = 'expiry') as expiry_cards_planned,
        coalesce(sum(outcomes.points_planned) filter (where outcomes.kind = 'expiry'), 0)
            as expiry_points_planned,
        count(*) filter (where outcomes.is_queued) as warning_cards_queued,
        count(outcomes.points_expired) as cards_expired,
        coalesce(sum(outcomes.points_expired), 0) as points_expired,
        count(*) filter (
            where outcomes.kind = 'warning' and outcomes.is_skipped and not outcomes.is_queued
        ) as warning_cards_skipped,
        count(*) filter (
            where
            outcomes.kind = 'expiry'
            and outcomes.is_skipped
            and outcomes.points_expired is null
        ) as expiry_cards_skipped
    from outcomes
    where outcomes.program_id is not null
    group by outcomes.program_id
),

reinstatement_plans as (
    select
        members.program_id,
        count(distinct reinstatements.card_id) filter (
            where reinstatements.run_id = members.run_id
        ) as cards_reinstated,
        coalesce(
            sum(reinstatements.points) filter (where reinstatements.run_id = members.run_id), 0
        ) as points_reinstated,
        count(*) filter (where reinstatements.run_id is distinct from members.run_id)
            as reinstatements_skipped
    from loyalty.reinstatement_members as members
    left join loyalty.reinstatements as reinstatements
        on members.expiration_id = reinstatements.expiration_id
    where members.run_id = %(run_id)s::bigint
    group by members.program_id
),

counts as materialized (
    select
        %(run_id)s::bigint as run_id,
        coalesce(plans.program_id, reinstatement_plans.program_id) as program_id,
        coalesce(plans.warning_cards_planned, 0) as warning_cards_planned,
        coalesce(plans.warning_points_planned, 0) as warning_points_planned,
        coalesce(plans.warning_cards_queued, 0) as warning_cards_queued,
        coalesce(plans.warning_cards_skipped, 0) as warning_cards_skipped,
        coalesce(plans.expiry_cards_planned, 0) as expiry_cards_planned,
        coalesce(plans.expiry_points_planned, 0) as expiry_points_planned,
        coalesce(plans.cards_expired, 0) as cards_expired,
        coalesce(plans.points_expired, 0) as points_expired,
        coalesce(plans.expiry_cards_skipped, 0) as expiry_cards_skipped,
        coalesce(reinstatement_plans.cards_reinstated, 0) as cards_reinstated,
        coalesce(reinstatement_plans.points_reinstated, 0) as points_reinstated,
        coalesce(reinstatement_plans.reinstatements_skipped, 0) as reinstatements_skipped
    from plans
    full join reinstatement_plans on plans.program_id = reinstatement_plans.program_id
)

update loyalty.expiration_run_programs as run_programs
set
    warning_cards_planned = counts.warning_cards_planned,
    warning_points_planned = counts.warning_points_planned,
    warning_cards_queued = counts.warning_cards_queued,
    warning_cards_skipped = counts.warning_cards_skipped,
    expiry_cards_planned = counts.expiry_cards_planned,
    expiry_points_planned = counts.expiry_points_planned,
    cards_expired = counts.cards_expired,
    points_expired = counts.points_expired,
    expiry_cards_skipped = counts.expiry_cards_skipped,
    cards_reinstated = counts.cards_reinstated,
    points_reinstated = counts.points_reinstated,
    reinstatements_skipped = counts.reinstatements_skipped
from counts
where
    run_programs.run_id = counts.run_id
    and run_programs.program_id = counts.program_id
    and exists (
        select 1
        from loyalty.expiration_runs as runs
        where runs.id = run_programs.run_id and runs.status = 'open'
    )
