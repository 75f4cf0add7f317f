-- Stamps the cards whose warning the statement before queued.
-- In: the cards warned in this transaction. Out: their last_expiration_warning_at; nothing else
-- of a card changes.
-- Prepared: every chunk runs it.
-- Binds: warned_card_ids, booked_at.
-- Rerun: the list holds only what this transaction queued.
update loyalty.loyalty_cards as cards
set last_expiration_warning_at = %(booked_at)s::timestamptz
where cards.id = any(%(warned_card_ids)s::bigint[])
