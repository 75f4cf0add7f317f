-- Forgets where mails went to whose customer was erased since.
-- In: mails of customers who have no address any more and are suppressed. Out: no recipient; one
-- result row, the count of mails.
-- Binds: none.
-- Rerun: what is forgotten is not found again.
with
erased_customers as materialized (
    select customers.id
    from loyalty.customers as customers
    where
        customers.email_suppressed_at is not null
        and coalesce(btrim(customers.email), '') = ''
),

forgotten as (
    update loyalty.email_logs as mails
    set recipient_email = null
    from erased_customers
    where
        mails.customer_id = erased_customers.id
        and mails.recipient_email is not null
        and mails.occurrence_key is not null
    returning mails.id
)

select count(*) as recipients_forgotten
from forgotten
