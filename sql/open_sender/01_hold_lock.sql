-- Holds a sender's advisory lock for as long as this session lives; whoever recovers mails looks
-- for it.
-- In: nothing. Out: one row, once the lock is held.
-- Binds: sender_lock_class, the first half of the lock's key; sender_id, the second.
-- A rerun holds it once more; closing the session frees all of it.
select pg_advisory_lock(%(sender_lock_class)s::integer, %(sender_id)s::integer)::text as taken
