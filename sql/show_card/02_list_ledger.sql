-- Lists the latest rows of a card's ledger, the newest first.
-- In: the card's ledger. Out: one row per ledger row, at most so many.
-- Binds: card_id, rows_max.
-- A rerun lists what there is then.
select
    ledger.id,
    ledger.transaction_type,
    ledger.points_delta,
    ledger.points_balance_after,
    ledger.stamps_delta,
    ledger.transaction_at,
    expirations.run_id
from loyalty.loyalty_transactions as ledger
left join loyalty.expirations as expirations on ledger.id = expirations.transaction_id
where ledger.card_id = %(card_id)s::bigint
order by ledger.transaction_at desc, ledger.id desc
limit %(rows_max)s::integer
