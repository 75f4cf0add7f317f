-- Waits for one card that a till holds, no longer than lock_timeout allows. The transaction holds
-- nothing else meanwhile, so it cannot be part of a deadlock.
-- In: the card. Out: one row, the ids locked: this one. Raises where the till keeps it longer.
-- Binds: held_card_id.
-- A rerun locks the same card again.
with
locked_card as materialized (
    select cards.id
    from loyalty.loyalty_cards as cards
    where cards.id = %(held_card_id)s::bigint
    for update
)

select array_agg(locked_card.id) as card_ids
from locked_card
