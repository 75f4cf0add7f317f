-- Takes from each balance exactly what its ledger row says, and counts it as voided.
-- In: the ledger rows posted in this transaction. Out: two columns of their cards; stamps,
-- last_activity_at and everything else stay.
-- Binds: transaction_ids.
-- Rerun: the list holds only what this transaction posted, so nothing is taken twice.
update loyalty.loyalty_cards as cards
set
    points_balance = cards.points_balance + ledger.points_delta,
    total_points_voided = cards.total_points_voided - ledger.points_delta
from loyalty.loyalty_transactions as ledger
where
    ledger.id = any(%(transaction_ids)s::bigint[])
    and cards.id = ledger.card_id
