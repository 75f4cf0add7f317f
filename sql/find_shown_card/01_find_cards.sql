-- Finds cards by what a person typed: a card number, or an id.
-- In: cards. Out: one row per card, ten at most; no name, no address.
-- Binds: words, card_id (null where the words are no id).
-- A rerun reads again; it changes nothing.
select
    cards.id,
    cards.card_number,
    programs.name as program_name,
    cards.points_balance
from loyalty.loyalty_cards as cards
inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
where cards.card_number = %(words)s::text or cards.id = %(card_id)s::bigint
order by cards.id
limit 10
