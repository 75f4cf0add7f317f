-- Locks the cards that no chunk has in hand, so that none decides on them while a mail about them
-- is claimed; returns them. It runs with the rights of the tables' owner: the mailer may lock a
-- card without being granted a change of it.
create function loyalty.lock_mailed_cards(card_ids bigint[])
returns table (id bigint)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $body$
    select cards.id
    from loyalty.loyalty_cards as cards
    where cards.id = any(card_ids)
    order by cards.id
    for key share skip locked
$body$
