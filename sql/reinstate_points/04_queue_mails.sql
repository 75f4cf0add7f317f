-- Queues the mail about each reinstatement of this transaction, where the program wants one.
-- In: the reinstatements posted in this transaction. Out: one row each in email_logs.
-- Binds: transaction_ids, booked_at.
-- Rerun: the occurrence key (the ledger row) is unique.
insert into loyalty.email_logs (
    template_code, language, card_id, customer_id, merchant_id, store_id, occurrence_key,
    variables, status, queued_at, run_id
)
select
    'loyalty_points_reinstated' as template_code,
    loyalty.mail_language(customers.preferred_language, stores.default_language) as language,
    reinstatements.card_id,
    cards.customer_id,
    cards.merchant_id,
    cards.enrolled_at_store_id as store_id,
    'reinstated:' || reinstatements.transaction_id::text as occurrence_key,
    jsonb_build_object('points', reinstatements.points) as variables,
    'queued' as status,
    %(booked_at)s::timestamptz as queued_at,
    reinstatements.run_id
from loyalty.reinstatements as reinstatements
inner join loyalty.loyalty_cards as cards on reinstatements.card_id = cards.id
inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
inner join loyalty.customers as customers on cards.customer_id = customers.id
left join loyalty.stores as stores on cards.enrolled_at_store_id = stores.id
where
    reinstatements.transaction_id = any(%(transaction_ids)s::bigint[])
    and programs.mail_reinstatements
order by reinstatements.card_id
