-- Finds a daily run, and the daily run before it whose forecast it is compared with.
-- In: closed daily runs that were no dry runs. Out: one row; none where no earlier run covers the
-- same merchants. An earlier attempt of the same day is not the day before.
-- Binds: run_id (null: the latest daily run).
-- A rerun reads again; it changes nothing.
with
daily_runs as (
    select runs.*
    from loyalty.expiration_runs as runs
    where runs.run_type = 'daily' and runs.status = 'closed' and not runs.dry_run
),

compared_run as (
    select daily_runs.*
    from daily_runs
    where %(run_id)s::bigint is null or daily_runs.id = %(run_id)s::bigint
    order by daily_runs.id desc
    limit 1
)

select
    compared_run.id as run_id,
    compared_run.as_of,
    earlier.id as forecast_run_id,
    earlier.as_of as forecast_as_of
from compared_run
inner join daily_runs as earlier
    on compared_run.id > earlier.id and compared_run.as_of > earlier.as_of
where
    earlier.merchant_ids is null
    or compared_run.merchant_ids <@ earlier.merchant_ids
order by earlier.as_of desc, earlier.id desc
limit 1
