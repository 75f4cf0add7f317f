-- Lists a card's latest ledger rows, the newest first.
-- In: the ledger of one card. Out: 200 rows at most.
-- Binds: card_id.
-- A rerun reads again; it changes nothing.
select
    ledger.id,
    ledger.transaction_type,
    ledger.points_delta,
    ledger.points_balance_after,
    ledger.stamps_delta,
    ledger.transaction_at
from loyalty.loyalty_transactions as ledger
where ledger.card_id = %(card_id)s::bigint
order by ledger.id desc
limit 200
