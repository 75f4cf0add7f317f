-- Lets the next run take the id after those of the past.
-- In: nothing. Out: one row, which nobody reads.
-- Binds: runs_total.
-- Rerun: sets the same number.
select setval(pg_get_serial_sequence('loyalty.expiration_runs', 'id'), %(runs_total)s::bigint)
