-- What each run expired: the ledger's rows and the deeds.
-- In: planned expiries. Out: one ledger row and one expiration each.
-- Binds: none.
-- Rerun: only on a platform without runs.
with
booked as (
    insert into loyalty.loyalty_transactions (
        card_id, merchant_id, transaction_type, points_delta, points_balance_after, transaction_at
    )
    select
        members.card_id,
        members.merchant_id,
        'points_expired' as transaction_type,
        -members.points as points_delta,
        0 as points_balance_after,
        runs.evaluated_at as transaction_at
    from loyalty.expiration_cohort_members as members
    inner join loyalty.expiration_runs as runs on members.run_id = runs.id
    where members.kind = 'expiry'
    returning id, card_id
)

insert into loyalty.expirations (
    transaction_id, card_id, cycle_started_at, due_on, usable_until, points, run_id
)
select
    booked.id as transaction_id,
    members.card_id,
    members.cycle_started_at,
    members.due_on,
    members.usable_until,
    members.points,
    members.run_id
from booked
inner join loyalty.expiration_cohort_members as members
    on booked.card_id = members.card_id and members.kind = 'expiry'
