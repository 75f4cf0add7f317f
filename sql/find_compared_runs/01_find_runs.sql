-- Finds a daily run, and the daily run before it whose forecast it is compared with.
-- In: closed daily runs that were no dry runs. Out: one row; none where no earlier run covers the
-- same merchants. An earlier attempt of the same day is not the day before. taking_run_ids: what
-- may have taken the cards in between, the held plans that these days started included.
-- Binds: run_id (null: the latest daily run of all merchants).
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
    where
        daily_runs.id = %(run_id)s::bigint
        or (%(run_id)s::bigint is null and daily_runs.merchant_ids is null)
    order by daily_runs.id desc
    limit 1
),

forecasting_run as (
    select earlier.*
    from compared_run
    inner join daily_runs as earlier
        on compared_run.id > earlier.id and compared_run.as_of > earlier.as_of
    where
        earlier.merchant_ids is null
        or compared_run.merchant_ids <@ earlier.merchant_ids
    order by earlier.as_of desc, earlier.id desc
    limit 1
)

select
    compared_run.id as run_id,
    compared_run.as_of,
    forecasting_run.id as forecast_run_id,
    forecasting_run.as_of as forecast_as_of,
    array(
        select runs.id
        from loyalty.expiration_runs as runs
        where
            not runs.dry_run
            and runs.id > forecasting_run.id
            and (
                (runs.run_type = 'daily' and runs.id <= compared_run.id)
                or runs.held_run_id between forecasting_run.id and compared_run.id
            )
    ) as taking_run_ids
from compared_run
cross join forecasting_run
