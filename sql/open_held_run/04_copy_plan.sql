-- Copies the held plan: exactly what the approval will show is what can be carried out.
-- In: the expiry plan of one program that the daily run skipped as held. Out: the same rows under
-- the new run.
-- Binds: run_id, held_run_id, program_id.
-- Rerun: the plan is insert-only; rows that are there stay.
insert into loyalty.expiration_cohort_members (
    run_id, kind, card_id, program_id, merchant_id, cycle_started_at, due_on, usable_until, points
)
select
    %(run_id)s::bigint as run_id,
    members.kind,
    members.card_id,
    members.program_id,
    members.merchant_id,
    members.cycle_started_at,
    members.due_on,
    members.usable_until,
    members.points
from loyalty.expiration_cohort_members as members
inner join loyalty.expiration_skips as skips
    on
        members.run_id = skips.run_id
        and members.kind = skips.kind
        and members.card_id = skips.card_id
where
    members.run_id = %(held_run_id)s::bigint
    and members.kind = 'expiry'
    and members.program_id = %(program_id)s::bigint
    and skips.reason = 'held'
on conflict do nothing
