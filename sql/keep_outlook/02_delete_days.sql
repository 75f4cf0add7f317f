-- Makes room for the count per day.
-- In: points_outlook_days. Out: none of it.
-- Only with: is_due
-- Binds: none.
-- A rerun finds nothing.
delete from loyalty.points_outlook_days
