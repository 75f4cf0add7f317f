-- Reads who is connected.
-- In: nothing. Out: one row.
-- Binds: none.
-- A rerun reads the same.
select current_user as user_name
