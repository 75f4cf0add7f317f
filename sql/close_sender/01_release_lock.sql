-- Gives a sender's lock back at once; the end of its session would do so a moment later.
-- In: the lock this session holds. Out: one row, whether it was held.
-- Binds: sender_lock_class, sender_id.
-- A rerun finds no lock and warns.
select pg_advisory_unlock(%(sender_lock_class)s::integer, %(sender_id)s::integer) as was_held
