-- Counts what the run keeps as its forecast of the next day.
-- In: expiration_forecast_cards of one run. Out: one row.
-- Binds: run_id.
-- A rerun counts the same.
select
    count(*) as cards_forecast,
    coalesce(sum(kept.points), 0)::bigint as points_forecast
from loyalty.expiration_forecast_cards as kept
where kept.run_id = %(run_id)s::bigint
