-- Tells whether this session still holds its sender's lock.
-- In: the session's own locks. Out: one row, is_held; false or an error means that others may
-- take the sender's mails by now, so that it must claim no more.
-- Binds: sender_lock_class, sender_id.
-- A rerun reads again; it changes nothing.
select count(*) = 1 as is_held
from pg_catalog.pg_locks as locks
where
    locks.pid = pg_backend_pid()
    and locks.locktype = 'advisory'
    and locks.classid = %(sender_lock_class)s::oid
    and locks.objid = %(sender_id)s::oid
    and locks.objsubid = 2
