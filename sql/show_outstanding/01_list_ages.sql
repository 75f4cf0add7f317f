-- Lists the outstanding points of each program by the age of their last activity, with an estimate
-- of the breakage: the points that will not be redeemed.
-- In: cards. Out: one row per program and age, in days since the last activity; null: none known.
-- The estimate takes the program's own past: points voided of all points voided or redeemed.
-- Binds: now_at.
-- A rerun reads again; it changes nothing.
with
aged_cards as (
    select
        cards.program_id,
        cards.points_balance,
        case
            when cards.last_activity_at is null then null
            when cards.last_activity_at > %(now_at)s::timestamptz - interval '31 days' then 0
            when cards.last_activity_at > %(now_at)s::timestamptz - interval '91 days' then 31
            when cards.last_activity_at > %(now_at)s::timestamptz - interval '181 days' then 91
            when cards.last_activity_at > %(now_at)s::timestamptz - interval '366 days' then 181
            else 366
        end as age_days_min,
        cards.total_points_voided,
        cards.total_points_redeemed
    from loyalty.loyalty_cards as cards
),

counted_ages as (
    select
        aged_cards.program_id,
        aged_cards.age_days_min,
        count(*) filter (where aged_cards.points_balance > 0) as cards_total,
        sum(aged_cards.points_balance)::bigint as points_total,
        sum(aged_cards.total_points_voided) as points_voided,
        sum(aged_cards.total_points_redeemed) as points_redeemed
    from aged_cards
    group by aged_cards.program_id, aged_cards.age_days_min
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
