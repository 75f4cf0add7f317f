-- Writes down every program's settings as they are now, with its local dates and cut-off.
-- In: programs of the run's merchants. Out: one row per program in expiration_run_programs;
-- one that takes no part carries the reason instead of dates.
-- Binds: run_id.
-- Rerun: rows that exist are kept, so a continued run goes on with the settings it began with.
insert into loyalty.expiration_run_programs (
    run_id, program_id, merchant_id, points_expiration_days, warning_days, warning_stages,
    stages_cut, min_notice_days, time_zone, exempt_reason, today, evaluated_on, cutoff_at,
    cards_without_activity
)
with
run as (
    select runs.*
    from loyalty.expiration_runs as runs
    where runs.id = %(run_id)s::bigint
),

named_zones as materialized (
    select distinct programs.time_zone
    from loyalty.loyalty_programs as programs
),

zones as materialized (
    select named_zones.time_zone as name
    from named_zones
    where loyalty.is_time_zone(named_zones.time_zone)
),

judged_programs as (
    select
        programs.*,
        run.as_of,
        run.evaluated_at,
        -- An application that has these columns already may leave them null.
        coalesce(programs.warning_days, '{14}') as warned_days,
        case
            when merchants.is_active is not true then 'merchant_inactive'
            when programs.is_active is not true then 'program_inactive'
            -- Beyond a hundred years nobody means an expiry; the dates would leave the calendar.
            when coalesce(programs.points_expiration_days, 0) not between 1 and 36500
                then 'never_expires'
            when zones.name is null then 'unknown_time_zone'
        end as exempt_reason
    from run
    inner join loyalty.loyalty_programs as programs
        on run.merchant_ids is null or programs.merchant_id = any(run.merchant_ids)
    inner join loyalty.merchants as merchants on programs.merchant_id = merchants.id
    left join zones on programs.time_zone = zones.name
),

dated_programs as (
    select
        judged_programs.*,
        -- Only a name that the database knows may reach `at time zone`: any other stops the query.
        case
            when judged_programs.exempt_reason is null
                then (judged_programs.as_of at time zone judged_programs.time_zone)::date
        end as today,
        case
            when judged_programs.exempt_reason is null
                then (judged_programs.evaluated_at at time zone judged_programs.time_zone)::date
        end as evaluated_on
    from judged_programs
),

stages as (
    select
        dated_programs.id as program_id,
        array_agg(
            distinct least(stage.days, dated_programs.points_expiration_days - 1)
        ) as warning_stages,
        bool_or(stage.days >= dated_programs.points_expiration_days) as stages_cut
    from dated_programs
    cross join lateral unnest(dated_programs.warned_days) as stage (days)
    where dated_programs.exempt_reason is null and stage.days >= 0
    group by dated_programs.id
),

undated_cards as (
    select
        judged_programs.id as program_id,
        counted.cards_without_activity
    from judged_programs
    -- Program by program, as the index has them.
    cross join lateral (
        select count(*) as cards_without_activity
        from loyalty.loyalty_cards as cards
        where
            cards.program_id = judged_programs.id
            and (
                cards.last_activity_at is null
                -- Some program's zero, or outside the calendar: no activity either.
                or cards.last_activity_at <= '1970-01-01 00:00:00+00'
            )
            and cards.points_balance > 0
            and cards.is_active
    ) as counted
)

select
    %(run_id)s::bigint as run_id,
    dated_programs.id as program_id,
    dated_programs.merchant_id,
    dated_programs.points_expiration_days,
    dated_programs.warned_days as warning_days,
    coalesce(stages.warning_stages, '{}') as warning_stages,
    coalesce(stages.stages_cut, false) as stages_cut,
    least(greatest(coalesce(dated_programs.min_notice_days, 0), 0), 36500) as min_notice_days,
    dated_programs.time_zone,
    dated_programs.exempt_reason,
    dated_programs.today,
    dated_programs.evaluated_on,
    case
        when dated_programs.exempt_reason is null
            then
                (dated_programs.today - dated_programs.points_expiration_days)::timestamp
                at time zone dated_programs.time_zone
    end as cutoff_at,
    coalesce(undated_cards.cards_without_activity, 0) as cards_without_activity
from dated_programs
left join stages on dated_programs.id = stages.program_id
left join undated_cards on dated_programs.id = undated_cards.program_id
on conflict do nothing
