-- Finds the next card that the chunks passed over because a till held it.
-- In: the run's undecided plan rows above after_card_id, up to last_card_id_max. Out: one row, its
-- id (null: none).
-- Binds: run_id, kind, after_card_id, last_card_id_max.
-- Rerun: a card that was carried out or skipped since is not found again.
select min(undecided.card_id) as held_card_id
from
    loyalty.undecided_cards(
        %(run_id)s::bigint,
        %(kind)s::text,
        %(after_card_id)s::bigint,
        %(last_card_id_max)s::bigint
    ) as undecided
