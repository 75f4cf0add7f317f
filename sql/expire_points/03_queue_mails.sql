-- Queues the mail about each expiry of this transaction: no fact without its mail, no mail
-- without its fact.
-- In: the expirations posted in this transaction. Out: one row each in email_logs.
-- Binds: transaction_ids and inactivity_days (parallel), booked_at.
-- Rerun: the occurrence key (the ledger row) is unique.
insert into loyalty.email_logs (
    template_code, language, card_id, customer_id, merchant_id, store_id, occurrence_key,
    variables, status, queued_at, run_id
)
select
    'loyalty_points_expired' as template_code,
    loyalty.mail_language(customers.preferred_language, stores.default_language) as language,
    expirations.card_id,
    cards.customer_id,
    cards.merchant_id,
    cards.enrolled_at_store_id as store_id,
    loyalty.expiry_occurrence_key(expirations.transaction_id) as occurrence_key,
    jsonb_build_object(
        'points', expirations.points,
        'expiration_date', expirations.usable_until,
        -- Not from the settings: they may have changed since the first statement decided.
        'inactivity_days', posted.inactivity_days
    ) as variables,
    'queued' as status,
    %(booked_at)s::timestamptz as queued_at,
    expirations.run_id
from
    unnest(%(transaction_ids)s::bigint[], %(inactivity_days)s::integer[])
        as posted (transaction_id, inactivity_days)
inner join loyalty.expirations as expirations
    on posted.transaction_id = expirations.transaction_id
inner join loyalty.loyalty_cards as cards on expirations.card_id = cards.id
inner join loyalty.customers as customers on cards.customer_id = customers.id
left join loyalty.stores as stores on cards.enrolled_at_store_id = stores.id
order by expirations.card_id
