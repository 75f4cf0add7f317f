-- Takes a number for a sender and holds its advisory lock for as long as this session lives.
-- In: nothing. Out: one row, the sender's number; whoever recovers mails looks for its lock.
-- Binds: sender_lock_class, the first half of the lock's key.
-- A rerun is another sender; a number comes back after two thousand million senders.
with
numbered as materialized (
    select nextval('loyalty.mail_sender_id_seq')::integer as sender_id
)

select
    numbered.sender_id,
    pg_advisory_lock(%(sender_lock_class)s::integer, numbered.sender_id)::text as lock_taken
from numbered
