-- Cuts what was queued or expired into parts of equal size, in card order.
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
),

numbered_deeds as (
    select
        deeds.*,
        (row_number() over (order by deeds.card_id) - 1) / %(part_rows)s::bigint as part_number
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
