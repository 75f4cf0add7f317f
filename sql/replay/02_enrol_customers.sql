-- The customers of one window whose first purchase it holds become rows of the application's.
-- Bind: customers, a JSON array of objects with the columns' names. Grain: one per customer.
-- A customer that is there already stays as it is, so a rerun inserts nothing.
insert into loyalty.customers (
    id,
    email,
    first_name,
    last_name,
    preferred_language
)
select
    enrolled.id,
    enrolled.email,
    enrolled.first_name,
    enrolled.last_name,
    enrolled.preferred_language
from
    jsonb_to_recordset(%(customers)s::jsonb)
        as enrolled (
            id bigint,
            email text,
            first_name text,
            last_name text,
            preferred_language text
        )
on conflict (id) do nothing
