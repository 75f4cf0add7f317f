-- Counts the cards whose books the statement before proved.
-- In: the run's plan. Out: one row, the number of cards in it.
-- Binds: run_id.
-- A rerun counts the same.
select count(*) as cards_total
from loyalty.run_cards as run_cards
where run_cards.run_id = %(run_id)s::bigint
