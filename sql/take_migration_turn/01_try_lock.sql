-- Takes the turn to migrate, if no other session has it; it is held until it is given back.
-- In: nothing. Out: one row, is_taken.
-- Binds: turn (the number of the advisory lock).
-- A session that holds the turn takes it once more, and has to give it back as often.
select pg_try_advisory_lock(%(turn)s::bigint) as is_taken
