-- Picks the next ledger rows that no run has read, in id order, wherever their ids are.
-- In: ledger rows in the unread ranges, above after_id. Out: one row: the ids picked, the last of
-- them (null: nothing is left), and whether there is a range without an end, as there must be.
-- Its cost follows the rows that are new and the gaps between ids, not the ledger.
-- Binds: after_id, chunk_rows.
-- Rerun: a row is picked again until a transaction that read it has committed.
with
ranges as materialized (
    select
        unread.first_id,
        coalesce(unread.last_id, 9223372036854775807) as last_id
    from loyalty.lifecycle_unread as unread
    where coalesce(unread.last_id, 9223372036854775807) > %(after_id)s::bigint
),

picked_rows as materialized (
    select found_rows.id
    from ranges
    cross join
        lateral (
            select ledger.id
            from loyalty.loyalty_transactions as ledger
            where
                ledger.id between ranges.first_id and ranges.last_id
                and ledger.id > %(after_id)s::bigint
            order by ledger.id
            limit %(chunk_rows)s::integer
        ) as found_rows
    order by found_rows.id
    limit %(chunk_rows)s::integer
),

open_ranges as (
    select count(*) = 1 as is_started
    from loyalty.lifecycle_unread as unread
    where unread.last_id is null
)

select
    coalesce(array_agg(picked_rows.id order by picked_rows.id), '{}') as picked_ids,
    max(picked_rows.id) as last_id,
    (select open_ranges.is_started from open_ranges) as is_started
from picked_rows
