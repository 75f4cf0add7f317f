-- Cuts what was queued or expired into parts of equal size, in card order; a card's rows stay
-- together.
-- In: the run's deeds of one kind. Out: one row per part with its first and last card, rows and
-- points; none for an empty cohort.
-- Binds: run_id, kind, part_rows.
-- Rerun: deeds of a run never change, so the same parts come out.
with
deeds as (
    select
        warnings.card_id,
        warnings.points
    from loyalty.expiration_warnings as warnings
    where warnings.run_id = %(run_id)s::bigint and %(kind)s::text = 'warning'
    union all
    select
        expirations.card_id,
        expirations.points
    from loyalty.expirations as expirations
    where expirations.run_id = %(run_id)s::bigint and %(kind)s::text = 'expiry'
    union all
    select
        mails.card_id,
        coalesce((mails.variables ->> 'points')::bigint, 0) as points
    from loyalty.email_logs as mails
    where
        mails.run_id = %(run_id)s::bigint
        and mails.template_code = %(kind)s::text
        and %(kind)s::text not in ('warning', 'expiry')
),

numbered_deeds as (
    select
        deeds.*,
        (dense_rank() over (order by deeds.card_id) - 1) / %(part_rows)s::bigint as part_number
    from deeds
)

select
    numbered_deeds.part_number,
    min(numbered_deeds.card_id) as first_card_id,
    max(numbered_deeds.card_id) as last_card_id,
    count(*) as rows_total,
    sum(numbered_deeds.points)::bigint as points_total
from numbered_deeds
group by numbered_deeds.part_number
order by numbered_deeds.part_number
