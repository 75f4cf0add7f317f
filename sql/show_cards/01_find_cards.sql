-- Finds cards by their exact number or their id.
-- In: all cards. Out: one row per card, without its customer; numbers may repeat over merchants.
-- Binds: card_number, card_id, cards_max.
-- A rerun finds what there is then.
select
    cards.id,
    cards.card_number,
    programs.name as program_name,
    merchants.name as merchant_name
from loyalty.loyalty_cards as cards
inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
inner join loyalty.merchants as merchants on cards.merchant_id = merchants.id
where cards.card_number = %(card_number)s::text or cards.id = %(card_id)s::bigint
order by cards.id
limit %(cards_max)s::integer
