-- The cards on which an earlier call has posted this window already: one of the window's events
-- stands in the ledger with the same card, type and instant. Read after the cards are locked.
-- Bind: events, a JSON array. Grain: one row per card. Changes nothing, so a rerun is harmless.
select distinct ledger.card_id
from
    jsonb_to_recordset(%(events)s::jsonb)
        as events (
            card_id bigint,
            transaction_type text,
            happened_at timestamptz
        )
inner join loyalty.loyalty_transactions as ledger
    on
        events.card_id = ledger.card_id
        and events.transaction_type = ledger.transaction_type
        and events.happened_at = ledger.transaction_at
