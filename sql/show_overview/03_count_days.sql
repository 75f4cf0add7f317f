-- Counts what was warned and expired on each of the last days, by the UTC date that a run stands
-- for.
-- In: closed runs that were no dry runs. Out: one row per day with the daily run that
-- did most; `is_missed` where a day since the first daily run has none that was closed, the present
-- day apart.
-- Binds: now_at, days_max.
-- A rerun counts what there is then.
with
bounds as (
    select
        (%(now_at)s::timestamptz at time zone 'UTC')::date as last_on,
        min((runs.as_of at time zone 'UTC')::date) as first_run_on
    from loyalty.expiration_runs as runs
    where runs.run_type = 'daily' and not runs.dry_run
),

days as (
    select
        bounds.last_on - day.ago as day_on,
        bounds.last_on,
        bounds.first_run_on
    from bounds
    cross join generate_series(0, %(days_max)s::integer - 1) as day (ago)
),

closed_runs as (
    select
        runs.id,
        runs.run_type,
        (runs.as_of at time zone 'UTC')::date as day_on,
        runs.warning_cards_queued,
        runs.cards_expired,
        runs.points_expired,
        warned.points_warned
    from bounds
    cross join loyalty.expiration_runs as runs
    cross join
        lateral (
            select sum(warnings.points)::bigint as points_warned
            from loyalty.expiration_warnings as warnings
            where warnings.run_id = runs.id
        ) as warned
    where
        runs.status = 'closed'
        and not runs.dry_run
        and (runs.as_of at time zone 'UTC')::date > bounds.last_on - %(days_max)s::integer
)

select
    days.day_on,
    (
        array_agg(
            closed_runs.id
            order by
                closed_runs.warning_cards_queued + closed_runs.cards_expired desc, closed_runs.id
        ) filter (where closed_runs.run_type = 'daily')
    )[1] as run_id,
    coalesce(sum(closed_runs.warning_cards_queued), 0)::bigint as cards_warned,
    coalesce(sum(closed_runs.points_warned), 0)::bigint as points_warned,
    coalesce(sum(closed_runs.cards_expired), 0)::bigint as cards_expired,
    coalesce(sum(closed_runs.points_expired), 0)::bigint as points_expired,
    coalesce(
        days.day_on >= days.first_run_on
        and days.day_on < days.last_on
        and count(*) filter (where closed_runs.run_type = 'daily') = 0,
        false
    ) as is_missed
from days
left join closed_runs on days.day_on = closed_runs.day_on
group by days.day_on, days.first_run_on, days.last_on
order by days.day_on
