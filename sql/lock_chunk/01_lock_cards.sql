-- Takes the next chunk of planned cards and locks those that no till holds; the rest is passed
-- over and left to the last pass. No card may be read in its transaction before this.
-- In: the run's undecided plan rows above after_card_id, up to last_card_id_max. Out: one row, the
-- ids locked and the last id looked at (null: nothing is left). Locks go in id order, as the
-- tills' do.
-- Binds: run_id, kind, after_card_id, last_card_id_max, chunk_size (cards).
-- Rerun: rows that were carried out or skipped are not undecided any more.
with
next_members as materialized (
    select distinct undecided.card_id
    from loyalty.undecided_members as undecided
    where
        undecided.run_id = %(run_id)s::bigint
        and undecided.kind = %(kind)s::text
        and undecided.card_id > %(after_card_id)s::bigint
        and undecided.card_id <= %(last_card_id_max)s::bigint
    order by undecided.card_id
    limit %(chunk_size)s::integer
),

locked_cards as materialized (
    select
        cards.id,
        cards.customer_id
    from loyalty.loyalty_cards as cards
    inner join next_members on cards.id = next_members.card_id
    order by cards.id
    -- Not `for no key update`: only this waits for a till that has written its ledger row but
    -- not yet its card.
    for update of cards skip locked
),

-- What the mail's foreign key will ask for, so that no later statement has to wait for it.
locked_customers as materialized (
    select customers.id
    from
        loyalty.lock_customers(
            (select array_agg(distinct locked_cards.customer_id) from locked_cards)
        ) as customers
)

select
    (
        select array_agg(locked_cards.id order by locked_cards.id)
        from locked_cards
        inner join locked_customers on locked_cards.customer_id = locked_customers.id
    ) as card_ids,
    (select max(next_members.card_id) from next_members) as last_card_id
