-- Forgets missing ids for which no row will come any more: most belong to transactions that were
-- rolled back.
-- In: ranges noticed missing long ago, in which nothing was read since. Out: they are gone, unless
-- a transaction from before they were noticed is still open, or a row has come meanwhile. Numbers
-- of transactions that are still to come are another cluster's: the database was restored.
-- Binds: forgotten_before.
-- Rerun: what is gone stays gone.
delete from loyalty.lifecycle_unread as unread
where
    unread.noticed_at < %(forgotten_before)s::timestamptz
    and (
        unread.noticed_before <= pg_snapshot_xmin(pg_current_snapshot())
        or unread.noticed_before > pg_snapshot_xmax(pg_current_snapshot())
    )
    and not exists (
        select 1
        from loyalty.loyalty_transactions as ledger
        where ledger.id between unread.first_id and unread.last_id
    )
