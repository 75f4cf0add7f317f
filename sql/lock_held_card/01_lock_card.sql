-- Waits for one card that a till holds, no longer than lock_timeout allows. The transaction holds
-- no other card meanwhile, so it cannot be part of a deadlock.
-- In: the card. Out: one row, the ids locked: this one, or null where the application holds its
-- customer. Raises where the till keeps the card longer.
-- Binds: held_card_id.
-- A rerun locks the same card again.
with
locked_card as materialized (
    select
        cards.id,
        cards.customer_id
    from loyalty.loyalty_cards as cards
    where cards.id = %(held_card_id)s::bigint
    for update of cards
),

-- With the card in hand it must not wait for anything else: a held customer is passed over.
locked_customer as materialized (
    select customers.id
    from
        loyalty.lock_customers(
            (select array_agg(locked_card.customer_id) from locked_card)
        ) as customers
)

select array_agg(locked_card.id) as card_ids
from locked_card
inner join locked_customer on locked_card.customer_id = locked_customer.id
