-- Counts the plan for the log and the asset event.
-- In: the run's plan rows of one kind. Out: one row, cards and points planned in all programs.
-- Binds: run_id, kind.
-- A rerun counts the same rows.
with
plan as (
    select
        members.card_id,
        members.points
    from loyalty.expiration_cohort_members as members
    where members.run_id = %(run_id)s::bigint and members.kind = %(kind)s::text
    union all
    select
        members.card_id,
        members.points
    from loyalty.reinstatement_members as members
    where members.run_id = %(run_id)s::bigint and %(kind)s::text = 'reinstatement'
)

select
    count(distinct plan.card_id) as cards_planned,
    coalesce(sum(plan.points), 0)::bigint as points_planned
from plan
