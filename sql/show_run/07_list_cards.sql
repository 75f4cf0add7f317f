-- Lists cards that a run expired, the most points first, so that one can look into their stories.
-- In: expirations of one run. Out: 50 rows at most; no name, no address.
-- Binds: run_id.
-- A rerun reads again; it changes nothing.
select
    expirations.card_id,
    cards.card_number,
    expirations.due_on,
    expirations.points,
    expirations.reinstated_by is not null as is_reinstated
from loyalty.expirations as expirations
inner join loyalty.loyalty_cards as cards on expirations.card_id = cards.id
where expirations.run_id = %(run_id)s::bigint
order by expirations.points desc, expirations.card_id asc
limit 50
