-- Makes room for the count per day.
-- In: points_outlook_days. Out: none of it, where the run counts.
-- Binds: is_due.
-- A rerun finds nothing.
delete from loyalty.points_outlook_days
where %(is_due)s::boolean
