-- Makes room for the count per age.
-- In: points_outlook_ages. Out: none of it.
-- Only with: is_due
-- Binds: none.
-- A rerun finds nothing.
delete from loyalty.points_outlook_ages
