-- Counts the cards whose books the statement before proved.
-- In: the run's plan. Out: one row, the number of cards in it.
-- Binds: run_id.
-- A rerun counts the same.
select count(distinct members.card_id) as cards_total
from loyalty.expiration_cohort_members as members
where members.run_id = %(run_id)s::bigint
