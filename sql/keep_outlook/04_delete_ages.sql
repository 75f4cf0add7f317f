-- Makes room for the count per age.
-- In: points_outlook_ages. Out: none of it, where the run counts.
-- Binds: is_due.
-- A rerun finds nothing.
delete from loyalty.points_outlook_ages
where %(is_due)s::boolean
