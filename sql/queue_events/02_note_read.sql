-- Notes which rows are read: takes their ids out of the unread ranges, in the transaction that
-- queued their mails.
-- In: ranges in which something was read. Out: what is left of them. Ids that are missing between
-- the rows read become ranges of their own, which later runs look into again.
-- Binds: read_ids, queued_at.
-- Rerun: ids that are not unread any more change nothing.
with
read_rows as (
    select ids.id
    from unnest(%(read_ids)s::bigint[]) as ids (id)
),

touched_ranges as materialized (
    select
        unread.first_id,
        unread.last_id,
        range_agg(int8range(read_rows.id, read_rows.id, '[]')) as read_ids
    from read_rows
    cross join
        lateral (
            select ranges.*
            from loyalty.lifecycle_unread as ranges
            where ranges.first_id <= read_rows.id
            order by ranges.first_id desc
            limit 1
        ) as unread
    where coalesce(unread.last_id, read_rows.id) >= read_rows.id
    group by unread.first_id, unread.last_id
),

removed as (
    delete from loyalty.lifecycle_unread as unread
    using touched_ranges
    where unread.first_id = touched_ranges.first_id
    returning
        int8multirange(int8range(touched_ranges.first_id, touched_ranges.last_id, '[]'))
        - touched_ranges.read_ids as left_ids
),

left_ranges as (
    select
        lower(piece.ids) as first_id,
        upper(piece.ids) - 1 as last_id
    from removed
    cross join lateral unnest(removed.left_ids) as piece (ids)
)

insert into loyalty.lifecycle_unread (first_id, last_id, noticed_at, noticed_before)
select
    left_ranges.first_id,
    left_ranges.last_id,
    case when left_ranges.last_id is not null then %(queued_at)s::timestamptz end as noticed_at,
    case when left_ranges.last_id is not null then pg_snapshot_xmax(pg_current_snapshot()) end
        as noticed_before
from left_ranges
