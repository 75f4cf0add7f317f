-- Counts the planned cards on which nothing is decided yet, for a task's log of its progress.
-- In: the run's plan rows of one kind, its deeds and skips. Out: one row. By counting alone: a card
-- that one attempt skipped and another carried out counts twice as decided.
-- Binds: run_id, kind.
-- A rerun counts what is left then.
with
counts as (
    select count(*) as cards
    from loyalty.expiration_cohort_members as members
    where members.run_id = %(run_id)s::bigint and members.kind = %(kind)s::text
    union all
    select count(*) as cards
    from loyalty.reinstatement_members as members
    where members.run_id = %(run_id)s::bigint and %(kind)s::text = 'reinstatement'
    union all
    select -count(*) as cards
    from loyalty.expiration_warnings as warnings
    where warnings.run_id = %(run_id)s::bigint and %(kind)s::text = 'warning'
    union all
    select -count(*) as cards
    from loyalty.expirations as expirations
    where expirations.run_id = %(run_id)s::bigint and %(kind)s::text = 'expiry'
    union all
    select -count(*) as cards
    from loyalty.reinstatements
    where reinstatements.run_id = %(run_id)s::bigint and %(kind)s::text = 'reinstatement'
    union all
    select -count(*) as cards
    from loyalty.expiration_skips as skips
    where skips.run_id = %(run_id)s::bigint and skips.kind = %(kind)s::text
    union all
    select -count(*) as cards
    from loyalty.reinstatement_skips as skips
    where skips.run_id = %(run_id)s::bigint and %(kind)s::text = 'reinstatement'
)

select greatest(sum(counts.cards), 0)::bigint as cards_left
from counts
