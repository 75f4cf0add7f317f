-- Forecasts the cards and points that expire per day, today and the next 90 days.
-- In: loyalty.expiration_forecast. Out: one row per day, days without points too; what is overdue
-- counts on the first day, because the next run takes it.
-- Binds: now_at, program_id (null: all programs).
-- A rerun reads again; it changes nothing.
with
bounds as (
    select (%(now_at)s::timestamptz at time zone 'UTC')::date as first_on
),

due_days as (
    select
        greatest(forecast.expires_on, bounds.first_on) as day_on,
        count(*) as cards_total,
        sum(forecast.points)::bigint as points_total
    from bounds
    inner join loyalty.expiration_forecast as forecast
        on bounds.first_on + 90 >= forecast.expires_on
    where
        %(program_id)s::bigint is null
        or forecast.program_id = %(program_id)s::bigint
    group by greatest(forecast.expires_on, bounds.first_on)
)

select
    bounds.first_on + step.ahead as day_on,
    coalesce(due_days.cards_total, 0) as cards_total,
    coalesce(due_days.points_total, 0)::bigint as points_total
from bounds
cross join generate_series(0, 90) as step (ahead)
left join due_days on due_days.day_on = bounds.first_on + step.ahead
order by day_on
