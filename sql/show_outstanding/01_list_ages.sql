-- Lists the outstanding points of each program by the age of their last activity, with an estimate
-- of the breakage: the points that will not be redeemed.
-- In: points_outlook_ages where is_kept, else the cards by loyalty.count_point_ages. Out: one row
-- per program and age, in days since the last activity; null: none known.
-- The estimate takes the program's own past: points voided of all points voided or redeemed.
-- Binds: now_at, is_kept.
-- A rerun reads again; it changes nothing.
with
counted_ages as materialized (
    select
        kept.program_id,
        kept.age_days_min,
        kept.cards_total,
        kept.points_total,
        kept.points_voided,
        kept.points_redeemed
    from loyalty.points_outlook_ages as kept
    where %(is_kept)s::boolean
    union all
    select
        counted.program_id,
        counted.age_days_min,
        counted.cards_total,
        counted.points_total,
        counted.points_voided,
        counted.points_redeemed
    from loyalty.count_point_ages(%(now_at)s::timestamptz) as counted
    where not %(is_kept)s::boolean
),

shares as (
    select
        counted_ages.program_id,
        sum(counted_ages.points_voided)
        / nullif(sum(counted_ages.points_voided + counted_ages.points_redeemed), 0) as share
    from counted_ages
    group by counted_ages.program_id
)

select
    counted_ages.program_id,
    programs.name as program_name,
    merchants.name as merchant_name,
    counted_ages.age_days_min,
    counted_ages.cards_total,
    counted_ages.points_total,
    round(shares.share, 4) as breakage_share,
    round(counted_ages.points_total * shares.share)::bigint as breakage_points
from counted_ages
inner join shares on counted_ages.program_id = shares.program_id
inner join loyalty.loyalty_programs as programs on counted_ages.program_id = programs.id
inner join loyalty.merchants as merchants on programs.merchant_id = merchants.id
where counted_ages.points_total > 0
order by counted_ages.program_id, counted_ages.age_days_min
