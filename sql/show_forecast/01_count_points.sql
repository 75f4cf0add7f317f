-- Forecasts the cards and points that expire: per day, today and the next 90 days, and per program
-- in 7, 30 and 90 days.
-- In: points_outlook_days where is_kept, else the cards by loyalty.count_due_days. Out: one row per
-- day (program_id null), days without points too; what is overdue counts on the first day, because
-- the next run takes it. And one row per program with points to expire (day_on null), 100 at most,
-- the most points first.
-- Binds: now_at, program_id (null: all programs), is_kept.
-- A rerun reads again; it changes nothing.
with
bounds as not materialized (
    select (%(now_at)s::timestamptz at time zone 'UTC')::date as first_on
),

due_points as materialized (
    select
        kept.program_id,
        greatest(kept.day_on, bounds.first_on) as day_on,
        kept.cards_total,
        kept.points_total
    from bounds
    inner join loyalty.points_outlook_days as kept on bounds.first_on + 90 >= kept.day_on
    where
        %(is_kept)s::boolean
        and (
            %(program_id)s::bigint is null
            or kept.program_id = %(program_id)s::bigint
        )
    union all
    select
        counted.program_id,
        counted.day_on,
        counted.cards_total,
        counted.points_total
    from bounds
    cross join
        loyalty.count_due_days(
            bounds.first_on, bounds.first_on + 90, %(program_id)s::bigint
        ) as counted
    where not %(is_kept)s::boolean
),

due_days as (
    select
        due_points.day_on,
        sum(due_points.cards_total) as cards_total,
        sum(due_points.points_total) as points_total
    from due_points
    group by due_points.day_on
),

due_programs as (
    select
        due_points.program_id,
        sum(due_points.cards_total) as cards_total,
        sum(due_points.points_total) as points_total,
        sum(due_points.points_total) filter (where due_points.day_on <= bounds.first_on + 7)
            as points_week,
        sum(due_points.points_total) filter (where due_points.day_on <= bounds.first_on + 30)
            as points_month
    from bounds
    cross join due_points
    group by due_points.program_id
    order by points_total desc, due_points.program_id asc
    limit 100
)

select
    bounds.first_on + step.ahead as day_on,
    null::bigint as program_id,
    null as program_name,
    null as merchant_name,
    coalesce(due_days.cards_total, 0)::bigint as cards_total,
    coalesce(due_days.points_total, 0)::bigint as points_total,
    null::bigint as points_week,
    null::bigint as points_month
from bounds
cross join generate_series(0, 90) as step (ahead)
left join due_days on due_days.day_on = bounds.first_on + step.ahead
union all
select
    null as day_on,
    due_programs.program_id,
    programs.name as program_name,
    merchants.name as merchant_name,
    due_programs.cards_total::bigint as cards_total,
    due_programs.points_total::bigint as points_total,
    coalesce(due_programs.points_week, 0)::bigint as points_week,
    coalesce(due_programs.points_month, 0)::bigint as points_month
from due_programs
inner join loyalty.loyalty_programs as programs on due_programs.program_id = programs.id
inner join loyalty.merchants as merchants on programs.merchant_id = merchants.id
order by day_on asc nulls last, points_total desc, program_id asc
