-- Counts what became of a cohort, for the log and the asset event.
-- In: the run's warnings, expirations or reinstatements, and its skips. Out: one row, cards and
-- points done, cards skipped.
-- Binds: run_id, kind.
-- A rerun counts the same rows.
with
deeds as (
    select warnings.points
    from loyalty.expiration_warnings as warnings
    where warnings.run_id = %(run_id)s::bigint and %(kind)s::text = 'warning'
    union all
    select expirations.points
    from loyalty.expirations as expirations
    where expirations.run_id = %(run_id)s::bigint and %(kind)s::text = 'expiry'
    union all
    select reinstatements.points
    from loyalty.reinstatements as reinstatements
    where reinstatements.run_id = %(run_id)s::bigint and %(kind)s::text = 'reinstatement'
),

skipped_members as (
    select skips.reason
    from loyalty.expiration_skips as skips
    where skips.run_id = %(run_id)s::bigint and skips.kind = %(kind)s::text
    union all
    select skips.reason
    from loyalty.reinstatement_skips as skips
    where skips.run_id = %(run_id)s::bigint and %(kind)s::text = 'reinstatement'
)

select
    count(*) as cards_done,
    coalesce(sum(deeds.points), 0)::bigint as points_done,
    (select count(*) from skipped_members) as cards_skipped
from deeds
