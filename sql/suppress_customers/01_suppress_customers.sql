-- Suppresses customers whose address does not take mails.
-- In: customers with the address that bounced. Out: email_suppressed_at; whoever changed the
-- address meanwhile is left alone. One result row, their count.
-- Binds: customer_ids and emails (parallel), suppressed_at.
-- Rerun: who is suppressed stays so since the first time.
with
suppressed as (
    update loyalty.customers as customers
    set email_suppressed_at = %(suppressed_at)s::timestamptz
    from
        unnest(%(customer_ids)s::bigint[], %(emails)s::text[]) as bounced (customer_id, email)
    where
        customers.id = bounced.customer_id
        and customers.email = bounced.email
        and customers.email_suppressed_at is null
    returning customers.id
)

select count(*) as customers_suppressed
from suppressed
