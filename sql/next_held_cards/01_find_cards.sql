-- Finds the next cards that the chunks passed over because a till held them.
-- In: the run's undecided plan rows above after_card_id, up to last_card_id_max. Out: one row, the
-- first cards_max ids in their order (null: there are none). Many at once, because each look
-- goes through the whole range.
-- Binds: run_id, kind, after_card_id, last_card_id_max, cards_max.
-- Rerun: a card that was carried out or skipped since is not found again.
with
held_cards as (
    select undecided.card_id
    from
        loyalty.undecided_cards(
            %(run_id)s::bigint,
            %(kind)s::text,
            %(after_card_id)s::bigint,
            %(last_card_id_max)s::bigint
        ) as undecided
    order by undecided.card_id
    limit %(cards_max)s::integer
)

select array_agg(held_cards.card_id order by held_cards.card_id) as held_card_ids
from held_cards
