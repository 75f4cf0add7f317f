-- Keeps what expires per program and day if nobody comes back. The days reach further than a page
-- shows, because the count is used until the next one.
-- In: cards, by loyalty.count_due_days. Out: points_outlook_days.
-- Only with: is_due
-- Binds: now_at.
-- Rerun: 02 has made room.
insert into loyalty.points_outlook_days (program_id, day_on, cards_total, points_total)
select
    due_days.program_id,
    due_days.day_on,
    due_days.cards_total,
    due_days.points_total
from
    loyalty.count_due_days(
        (%(now_at)s::timestamptz at time zone 'UTC')::date,
        (%(now_at)s::timestamptz at time zone 'UTC')::date + 93,
        null
    ) as due_days
