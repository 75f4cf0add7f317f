-- The ledger behind the balances: one to five purchases per card, fifty points each.
-- In: cards. Out: ledger rows, three per card on average, in the order in which purchases happen:
-- a card's rows lie far from each other. The last one is the card's last activity.
-- Rerun: only on an empty database.
insert into loyalty.loyalty_transactions (
    card_id, merchant_id, store_id, transaction_type, points_delta, points_balance_after,
    transaction_at
)
select
    cards.id as card_id,
    cards.merchant_id,
    cards.enrolled_at_store_id as store_id,
    'points_earned' as transaction_type,
    50 as points_delta,
    50 * purchases.number as points_balance_after,
    cards.last_activity_at - (cards.points_balance / 50 - purchases.number) * interval '9 days'
        as transaction_at
from generate_series(1, 5) as purchases (number)
inner join loyalty.loyalty_cards as cards on cards.points_balance >= 50 * purchases.number
order by purchases.number
