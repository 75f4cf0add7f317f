-- Reads whom accepted mails went to, to hold a report of their failure against.
-- In: accepted mails of the pipeline with one of the Message-IDs. Out: one row per mail with the
-- address it went to and the customer's address as it is now; none once the customer is suppressed.
-- Binds: message_ids.
-- A rerun reads again; it changes nothing.
select
    mails.message_id,
    mails.recipient_email,
    customers.id as customer_id,
    customers.email
from loyalty.email_logs as mails
inner join loyalty.customers as customers on mails.customer_id = customers.id
where
    mails.message_id = any(%(message_ids)s::text[])
    and mails.status = 'sent'
    and mails.occurrence_key is not null
    and mails.recipient_email is not null
    and customers.email_suppressed_at is null
order by customers.id
