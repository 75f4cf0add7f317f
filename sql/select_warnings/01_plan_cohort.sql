-- Plans the warnings: cards that have reached a warning stage and were not warned of it yet.
-- In: cards of the run's programs. Out: one `warning` row per card in expiration_cohort_members,
-- with the latest stage reached on the day of the run's clock.
-- Binds: run_id.
-- Rerun: the plan is insert-only; a card that is planned already keeps its row.
insert into loyalty.expiration_cohort_members (
    run_id, kind, card_id, program_id, merchant_id, cycle_started_at, due_on, usable_until,
    stage_days, points
)
with
programs as materialized (
    select
        run_programs.*,
        (select max(stage.days) from unnest(run_programs.warning_stages) as stage (days))
            as stage_days_max
    from loyalty.expiration_run_programs as run_programs
    where
        run_programs.run_id = %(run_id)s::bigint
        and run_programs.exempt_reason is null
        and run_programs.warning_stages <> '{}'
),

approached_cards as (
    select
        cards.*,
        programs.stage_days_max,
        programs.warning_stages,
        programs.min_notice_days,
        programs.today,
        programs.evaluated_on,
        (cards.last_activity_at at time zone programs.time_zone)::date
        + programs.points_expiration_days as due_on
    from programs
    cross join lateral (
        select
            candidates.id,
            candidates.program_id,
            candidates.merchant_id,
            candidates.last_activity_at,
            candidates.points_balance
        from loyalty.loyalty_cards as candidates
        where
            candidates.program_id = programs.program_id
            and candidates.points_balance > 0
            and candidates.is_active
            -- An instant before that is some program's zero, or lies outside the calendar: like
            -- null it tells of no activity.
            and candidates.last_activity_at > '1970-01-01 00:00:00+00'
            -- A day of slack for zones whose midnight moved; the dates below decide.
            and candidates.last_activity_at
            < programs.cutoff_at + (programs.stage_days_max + 2) * interval '1 day'
        -- Keeps the planner on the inactivity index, program by program.
        offset 0
    ) as cards
),

reached_cards as (
    select
        approached_cards.*,
        (
            select min(stage.days)
            from unnest(approached_cards.warning_stages) as stage (days)
            where approached_cards.due_on - stage.days <= approached_cards.evaluated_on
        ) as stage_days
    from approached_cards
    where approached_cards.due_on - approached_cards.stage_days_max <= approached_cards.today
),

noticed_cards as (
    select
        reached_cards.*,
        greatest(
            reached_cards.due_on,
            notices.promised_on,
            case
                when reached_cards.min_notice_days > 0
                    then
                        coalesce(notices.opened_on, reached_cards.evaluated_on)
                        + reached_cards.min_notice_days
            end
        ) as usable_until
    from reached_cards
    cross join
        lateral (
            select
                max(given.promised_on) as promised_on,
                min(given.opened_on) as opened_on
            from loyalty.expiration_notices as given
            where
                given.card_id = reached_cards.id
                and given.cycle_started_at = reached_cards.last_activity_at
        ) as notices
    where reached_cards.stage_days is not null
)

select
    %(run_id)s::bigint as run_id,
    'warning' as kind,
    noticed_cards.id as card_id,
    noticed_cards.program_id,
    noticed_cards.merchant_id,
    noticed_cards.last_activity_at as cycle_started_at,
    noticed_cards.due_on,
    noticed_cards.usable_until,
    noticed_cards.stage_days,
    noticed_cards.points_balance as points
from noticed_cards
where
    noticed_cards.usable_until >= noticed_cards.evaluated_on
    and not exists (
        select 1
        from loyalty.standing_warnings as standing
        where
            standing.card_id = noticed_cards.id
            and standing.cycle_started_at = noticed_cards.last_activity_at
            and standing.stage_days <= noticed_cards.stage_days
    )
    -- One that failed on this day is for the next day's run.
    and not exists (
        select 1
        from loyalty.failed_warnings as failed
        where
            failed.card_id = noticed_cards.id
            and failed.cycle_started_at = noticed_cards.last_activity_at
            and failed.stage_days <= noticed_cards.stage_days
            and failed.failed_on >= noticed_cards.evaluated_on
    )
    and not exists (
        select 1
        from loyalty.expirations as expirations
        where
            expirations.card_id = noticed_cards.id
            and expirations.cycle_started_at = noticed_cards.last_activity_at
    )
    -- By its key, card by card: no statistics know a new run's rows yet, and a join made for none
    -- would compare every card with every other.
    and not exists (
        select 1
        from loyalty.expiration_cohort_members as planned
        where
            planned.run_id = %(run_id)s::bigint
            and planned.kind = 'warning'
            and planned.card_id = noticed_cards.id
        offset 0
    )
-- The chunks read the plan in this order. And nothing is written before all is read: what is looked
-- up above is what was planned before.
order by noticed_cards.id
