-- Invariant 17: a cohort file holds what was queued or expired.
-- In: exports and the deeds of their run and kind. Out: one row per export whose rows or points
-- differ; without an export there is nothing to compare.
-- Binds: run_id (null: every run; else that run).
-- A rerun reads only.
with
exports as (
    select exports.*
    from loyalty.cohort_exports as exports
    where %(run_id)s::bigint is null or exports.run_id = %(run_id)s::bigint
),

deeds as (
    select
        warnings.run_id,
        'warning' as kind,
        warnings.points
    from loyalty.expiration_warnings as warnings
    where %(run_id)s::bigint is null or warnings.run_id = %(run_id)s::bigint
    union all
    select
        expirations.run_id,
        'expiry' as kind,
        expirations.points
    from loyalty.expirations as expirations
    where %(run_id)s::bigint is null or expirations.run_id = %(run_id)s::bigint
    union all
    select
        mails.run_id,
        mails.template_code as kind,
        coalesce((mails.variables ->> 'points')::bigint, 0) as points
    from loyalty.email_logs as mails
    where
        mails.template_code in (
            'loyalty_enrollment', 'loyalty_welcome_bonus', 'loyalty_reward_ready'
        )
        and mails.occurrence_key is not null
        and mails.run_id is not null
        and (%(run_id)s::bigint is null or mails.run_id = %(run_id)s::bigint)
),

sums as (
    select
        deeds.run_id,
        deeds.kind,
        count(*) as rows_total,
        sum(deeds.points) as points_total
    from deeds
    group by deeds.run_id, deeds.kind
)

select
    null::bigint as card_id,
    format(
        'the %%s file of run %%s holds %%s rows with %%s points, the run did %%s with %%s',
        exports.kind,
        exports.run_id,
        exports.rows_total,
        exports.points_total,
        coalesce(sums.rows_total, 0),
        coalesce(sums.points_total, 0)
    ) as detail
from exports
left join sums on exports.run_id = sums.run_id and exports.kind = sums.kind
where
    exports.rows_total <> coalesce(sums.rows_total, 0)
    or exports.points_total <> coalesce(sums.points_total, 0)
order by exports.run_id, exports.kind
