-- The balances of one window's cards as they are now, each row held until the caller commits.
-- Locked in id order, as the application and the pipeline do, so that nobody deadlocks.
-- Bind: card_ids. Grain: one row per card. Changes nothing, so a rerun is harmless.
select
    cards.id,
    cards.points_balance
from loyalty.loyalty_cards as cards
where cards.id = any(%(card_ids)s::bigint[])
order by cards.id
for update
