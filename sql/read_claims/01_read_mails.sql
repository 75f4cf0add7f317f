-- Reads what a claimed batch needs to be written and addressed, as it is now.
-- In: the mails of the batch that this sender holds. Out: one row per mail, in id order; names
-- and addresses are looked up here and nowhere kept.
-- Binds: email_log_ids, sender_id.
-- A rerun reads again; it changes nothing.
select
    mails.id,
    mails.template_code,
    mails.language,
    mails.store_id,
    mails.occurrence_key,
    mails.message_id,
    customers.email,
    mails.variables,
    coalesce(customers.first_name, '') as customer_first_name,
    coalesce(cards.card_number, '') as card_number,
    coalesce(programs.name, '') as program_name,
    coalesce(merchants.name, '') as merchant_name,
    coalesce(stores.name, '') as store_name,
    merchants.reply_to_email as merchant_reply_to,
    mails.next_attempt_at is not null as is_retried
from loyalty.email_logs as mails
inner join loyalty.customers as customers on mails.customer_id = customers.id
left join loyalty.loyalty_cards as cards on mails.card_id = cards.id
left join loyalty.loyalty_programs as programs on cards.program_id = programs.id
left join loyalty.merchants as merchants on mails.merchant_id = merchants.id
left join loyalty.stores as stores on mails.store_id = stores.id
where
    mails.id = any(%(email_log_ids)s::bigint[])
    and mails.status = 'sending'
    and mails.sender_id = %(sender_id)s::integer
order by mails.id
