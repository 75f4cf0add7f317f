-- Queues the mail about each expiry of this transaction: no fact without its mail, no mail
-- without its fact.
-- In: the expirations posted in this transaction. Out: one row each in email_logs.
-- Binds: transaction_ids, booked_at.
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
        'inactivity_days', expirations.due_on
        - (expirations.cycle_started_at at time zone run_programs.time_zone)::date
    ) as variables,
    'queued' as status,
    %(booked_at)s::timestamptz as queued_at,
    expirations.run_id
from loyalty.expirations as expirations
inner join loyalty.expiration_cohort_members as members
    on
        expirations.run_id = members.run_id
        and members.kind = 'expiry'
        and expirations.card_id = members.card_id
inner join loyalty.expiration_run_programs as run_programs
    on members.run_id = run_programs.run_id and members.program_id = run_programs.program_id
inner join loyalty.loyalty_cards as cards on expirations.card_id = cards.id
inner join loyalty.customers as customers on cards.customer_id = customers.id
left join loyalty.stores as stores on cards.enrolled_at_store_id = stores.id
where expirations.transaction_id = any(%(transaction_ids)s::bigint[])
order by expirations.card_id
