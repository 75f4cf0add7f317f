-- Decides whether the run counts what all cards hold and will lose, and notes when it did.
-- In: the run, and the count that stands. Out: one row; is_due is true where the run is a daily
-- one, no dry run, and the last that was closed; and where there is no count of the last hour, or
-- the run has taken points since another one's count.
-- The only row of points_outlook is held until the count has been committed: two runs take turns.
-- Binds: run_id, now_at.
-- Rerun: within the hour a repeat that took nothing counts nothing.
with
turns as (
    insert into loyalty.points_outlook as outlook (run_id, counted_at)
    select
        runs.id,
        %(now_at)s::timestamptz as counted_at
    from loyalty.expiration_runs as runs
    where
        runs.id = %(run_id)s::bigint
        and runs.status = 'closed'
        and runs.run_type = 'daily'
        and not runs.dry_run
        and not exists (
            select 1
            from loyalty.expiration_runs as later
            where
                later.closed_at > runs.closed_at
                and later.run_type = 'daily'
                and not later.dry_run
        )
    on conflict (is_latest) do update
        set
            run_id = excluded.run_id,
            counted_at = excluded.counted_at
        where
        outlook.counted_at > excluded.counted_at
        or outlook.counted_at < excluded.counted_at - interval '1 hour'
        or (
            outlook.run_id <> excluded.run_id
            and exists (
                select 1
                from loyalty.expirations as taken
                where taken.run_id = excluded.run_id
            )
        )
    returning outlook.run_id
)

select count(*) > 0 as is_due
from turns
