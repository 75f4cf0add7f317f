-- Forecasts per program what expires in 7, 30 and 90 days.
-- In: loyalty.expiration_forecast. Out: one row per program with points to expire, 100 at most, the
-- most points first.
-- Binds: now_at, program_id (null: all programs).
-- A rerun reads again; it changes nothing.
with
bounds as (
    select (%(now_at)s::timestamptz at time zone 'UTC')::date as first_on
),

due_programs as (
    select
        forecast.program_id,
        count(*) as cards_total,
        sum(forecast.points)::bigint as points_total,
        coalesce(
            sum(forecast.points) filter (where forecast.expires_on <= bounds.first_on + 7), 0
        )::bigint as points_week,
        coalesce(
            sum(forecast.points) filter (where forecast.expires_on <= bounds.first_on + 30), 0
        )::bigint as points_month
    from bounds
    inner join loyalty.expiration_forecast as forecast
        on bounds.first_on + 90 >= forecast.expires_on
    where
        %(program_id)s::bigint is null
        or forecast.program_id = %(program_id)s::bigint
    group by forecast.program_id
)

select
    due_programs.*,
    programs.name as program_name,
    merchants.name as merchant_name
from due_programs
inner join loyalty.loyalty_programs as programs on due_programs.program_id = programs.id
inner join loyalty.merchants as merchants on programs.merchant_id = merchants.id
order by due_programs.points_total desc, due_programs.program_id asc
limit 100
