-- Adds to each balance exactly what its ledger rows say, and takes it off the voided total.
-- In: the ledger rows posted in this transaction. Out: two columns of their cards; stamps,
-- last_activity_at and everything else stay: giving back is no activity.
-- Binds: transaction_ids.
-- Rerun: the list holds only what this transaction posted, so nothing is given twice.
with
credits as (
    select
        ledger.card_id,
        sum(ledger.points_delta)::bigint as points_credited
    from loyalty.loyalty_transactions as ledger
    where ledger.id = any(%(transaction_ids)s::bigint[])
    group by ledger.card_id
)

update loyalty.loyalty_cards as cards
set
    points_balance = cards.points_balance + credits.points_credited,
    total_points_voided = cards.total_points_voided - credits.points_credited
from credits
where cards.id = credits.card_id
