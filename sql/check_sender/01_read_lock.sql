-- Tells whether this session still holds its sender's lock, and how many senders are alive.
-- In: the locks of all senders of this database. Out: one row: is_held (false or an error means
-- that others may take the sender's mails by now, so that it must claim no more), senders_total.
-- Prepared: every batch runs it.
-- Binds: sender_lock_class, sender_id.
-- A rerun reads again; it changes nothing.
select
    count(*) filter (
        where
        locks.pid = pg_backend_pid()
        and locks.objid = %(sender_id)s::oid
    ) = 1 as is_held,
    count(*) as senders_total
from pg_catalog.pg_locks as locks
inner join pg_catalog.pg_database as databases on locks.database = databases.oid
where
    databases.datname = current_database()
    and locks.locktype = 'advisory'
    and locks.classid = %(sender_lock_class)s::oid
    and locks.objsubid = 2
    and locks.granted
