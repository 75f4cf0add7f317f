-- Locks the cards and customers of the events as the foreign keys of their mails will, so that
-- queueing waits for nobody. What the application holds is passed over, and stays unread.
-- In: the events' ledger rows. Out: one row: the events whose card and customer are locked, and the
-- rows that are read with them, which are all picked ones but the events passed over.
-- Binds: picked_ids, event_ids.
-- Rerun: the same again; locks go in id order, as the tills' do.
with
events as materialized (
    select
        ledger.id as transaction_id,
        ledger.card_id
    from loyalty.loyalty_transactions as ledger
    where ledger.id = any(%(event_ids)s::bigint[])
),

locked_cards as materialized (
    select
        cards.id,
        cards.customer_id
    from loyalty.loyalty_cards as cards
    where cards.id = any(array(select events.card_id from events))
    order by cards.id
    for key share skip locked
),

locked_customers as materialized (
    select customers.id
    from
        loyalty.lock_customers(
            (select array_agg(distinct locked_cards.customer_id) from locked_cards)
        ) as customers
),

locked_events as materialized (
    select events.transaction_id
    from events
    inner join locked_cards on events.card_id = locked_cards.id
    inner join locked_customers on locked_cards.customer_id = locked_customers.id
),

read_rows as (
    select picked.id
    from unnest(%(picked_ids)s::bigint[]) as picked (id)
    left join events on picked.id = events.transaction_id
    left join locked_events on picked.id = locked_events.transaction_id
    where events.transaction_id is null or locked_events.transaction_id is not null
)

select
    array(
        select locked_events.transaction_id
        from locked_events
        order by locked_events.transaction_id
    ) as locked_event_ids,
    array(
        select read_rows.id
        from read_rows
        order by read_rows.id
    ) as read_ids
