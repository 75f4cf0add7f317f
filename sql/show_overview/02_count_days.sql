-- Counts what each of the last 90 days warned and expired; a day without a run stays null.
-- In: closed runs that were no dry runs. Out: one row per day (UTC, by as_of), the oldest first.
-- Days before the very first run are left out; held plans count on the day they were decided.
-- Binds: now_at.
-- A rerun reads again; it changes nothing.
with
real_runs as (
    select
        (runs.as_of at time zone 'UTC')::date as day_on,
        runs.*,
        warned.points_total as points_warned
    from loyalty.expiration_runs as runs
    cross join
        lateral (
            select coalesce(sum(warnings.points), 0) as points_total
            from loyalty.expiration_warnings as warnings
            where warnings.run_id = runs.id
        ) as warned
    where
        runs.status = 'closed'
        and not runs.dry_run
        and runs.run_type in ('daily', 'held')
        and runs.as_of > %(now_at)s::timestamptz - interval '92 days'
),

run_days as (
    select
        real_runs.day_on,
        -- Of several runs the one that did the most; a repetition finds nothing left to do.
        (
            array_agg(
                real_runs.id
                order by
                    real_runs.cards_expired + real_runs.warning_cards_queued desc,
                    real_runs.id desc
            ) filter (where real_runs.run_type = 'daily')
        )[1] as run_id,
        sum(real_runs.warning_cards_queued)::bigint as cards_warned,
        sum(real_runs.points_warned)::bigint as points_warned,
        sum(real_runs.cards_expired)::bigint as cards_expired,
        sum(real_runs.points_expired)::bigint as points_expired
    from real_runs
    group by real_runs.day_on
),

bounds as (
    select
        (%(now_at)s::timestamptz at time zone 'UTC')::date as last_on,
        (select min(run_days.day_on) from run_days) as first_on
),

days as (
    select bounds.last_on - step.back as day_on
    from bounds
    cross join generate_series(0, 89) as step (back)
    where
        bounds.last_on - step.back >= bounds.first_on
        -- Today is missed by nobody before it is over.
        and (
            step.back > 0
            or bounds.last_on in (select run_days.day_on from run_days)
        )
)

select
    days.day_on,
    run_days.run_id,
    run_days.cards_warned,
    run_days.points_warned,
    run_days.cards_expired,
    run_days.points_expired
from days
left join run_days on days.day_on = run_days.day_on
order by days.day_on
