-- Waits for one card that a till holds, no longer than lock_timeout allows. The transaction holds
-- nothing else meanwhile, so it cannot be part of a deadlock.
-- In: the card. Out: one row, the ids locked: this one, or null where the application holds its
-- customer. Raises where the till keeps the card longer.
-- Binds: held_card_id.
-- A rerun locks the same card again.
with
locked_card as materialized (
    select cards.id
    from loyalty.loyalty_cards as cards
    inner join loyalty.customers as customers on cards.customer_id = customers.id
    where cards.id = %(held_card_id)s::bigint
    for update of cards
    -- With the card in hand it must not wait for anything else. The linter knows one clause only.
    for key share of customers skip locked -- noqa: PRS
)

select array_agg(locked_card.id) as card_ids
from locked_card
