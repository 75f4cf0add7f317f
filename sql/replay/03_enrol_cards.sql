-- The cards of one window's new customers, still empty: their ledger rows follow in file 06.
-- Bind: cards, a JSON array of objects with the columns' names. Grain: one per card.
-- A card that is there already stays as it is, so a rerun inserts nothing.
insert into loyalty.loyalty_cards (
    id,
    program_id,
    merchant_id,
    customer_id,
    enrolled_at_store_id,
    card_number,
    created_at
)
select
    enrolled.id,
    enrolled.program_id,
    enrolled.merchant_id,
    enrolled.customer_id,
    enrolled.enrolled_at_store_id,
    enrolled.card_number,
    enrolled.created_at
from
    jsonb_to_recordset(%(cards)s::jsonb)
        as enrolled (
            id bigint,
            program_id bigint,
            merchant_id bigint,
            customer_id bigint,
            enrolled_at_store_id bigint,
            card_number text,
            created_at timestamptz
        )
on conflict (id) do nothing
