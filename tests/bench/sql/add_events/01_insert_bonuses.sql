-- Welcome bonuses as the application would write them; they are worth no point, so that nothing
-- but the ledger changes.
-- In: cards. Out: events_total ledger rows of as many cards.
-- Binds: events_total, as_of.
-- Rerun: writes as many again.
insert into loyalty.loyalty_transactions (
    card_id, merchant_id, transaction_type, points_delta, points_balance_after, transaction_at
)
select
    cards.id as card_id,
    cards.merchant_id,
    'card_created' as transaction_type,
    0 as points_delta,
    cards.points_balance as points_balance_after,
    %(as_of)s::timestamptz as transaction_at
from loyalty.loyalty_cards as cards
order by cards.id
limit %(events_total)s::bigint
