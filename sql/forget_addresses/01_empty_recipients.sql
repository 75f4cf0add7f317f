-- Forgets where mails went to whose customer was erased since.
-- In: mails of customers who have no address any more and are suppressed. Out: no recipient; one
-- result row, the count of mails.
-- Binds: none.
-- Rerun: what is forgotten is not found again; a mail that another has in hand is found then.
with
erased_customers as materialized (
    select customers.id
    from loyalty.customers as customers
    where
        customers.email_suppressed_at is not null
        and coalesce(btrim(customers.email), '') = ''
),

-- Two senders that begin at once share the work instead of waiting for each other.
addressed_mails as materialized (
    select mails.id
    from loyalty.email_logs as mails
    inner join erased_customers on mails.customer_id = erased_customers.id
    where
        mails.recipient_email is not null
        and mails.occurrence_key is not null
    for update of mails skip locked
),

forgotten as (
    update loyalty.email_logs as mails
    set recipient_email = null
    from addressed_mails
    where mails.id = addressed_mails.id
    returning mails.id
)

select count(*) as recipients_forgotten
from forgotten
