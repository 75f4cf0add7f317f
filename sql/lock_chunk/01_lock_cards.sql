-- Locks the undecided cards of one chunk that no till holds; the rest is passed over and left to
-- the last pass. No card may be read in its transaction before this.
-- In: the run's undecided plan rows within the chunk. Out: one row, the ids locked (null: none).
-- Locks go in id order, as the tills' do.
-- Prepared: every chunk runs it.
-- Binds: run_id, kind, after_card_id (where the chunk before it ended), last_card_id.
-- Rerun: rows that were carried out or skipped are not undecided any more.
with
next_members as materialized (
    select undecided.card_id
    from
        loyalty.undecided_cards(
            %(run_id)s::bigint,
            %(kind)s::text,
            %(after_card_id)s::bigint,
            %(last_card_id)s::bigint
        ) as undecided
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

select array_agg(locked_cards.id order by locked_cards.id) as card_ids
from locked_cards
inner join locked_customers on locked_cards.customer_id = locked_customers.id
