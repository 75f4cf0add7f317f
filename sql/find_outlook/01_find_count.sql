-- Finds the latest count of what all cards hold and will lose.
-- In: points_outlook. Out: one row, or none where nothing was counted in the last two days; an
-- older count would miss the last days of the forecast.
-- Binds: now_at.
-- A rerun reads again; it changes nothing.
select
    outlook.run_id,
    outlook.counted_at
from loyalty.points_outlook as outlook
where
    outlook.counted_at
    between %(now_at)s::timestamptz - interval '2 days' and %(now_at)s::timestamptz
