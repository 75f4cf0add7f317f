-- Gives the turn to migrate back.
-- In: nothing. Out: one row, is_released.
-- Binds: turn (the number of the advisory lock).
-- A session that does not hold it is warned, and nothing happens.
select pg_advisory_unlock(%(turn)s::bigint) as is_released
