-- Keeps the outstanding points per program and age.
-- In: cards, by loyalty.count_point_ages. Out: points_outlook_ages.
-- Only with: is_due
-- Binds: now_at.
-- Rerun: 04 has made room.
insert into loyalty.points_outlook_ages (
    program_id, age_days_min, cards_total, points_total, points_voided, points_redeemed
)
select
    ages.program_id,
    ages.age_days_min,
    ages.cards_total,
    ages.points_total,
    ages.points_voided,
    ages.points_redeemed
from loyalty.count_point_ages(%(now_at)s::timestamptz) as ages
