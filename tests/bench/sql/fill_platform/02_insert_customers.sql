-- One customer per card, most of them with an address.
-- In: nothing. Out: cards_total customers.
-- Binds: cards_total.
-- Rerun: only on an empty database.
insert into loyalty.customers (id, email, first_name, last_name, preferred_language)
select
    numbers.number,
    'customer-' || numbers.number || '@example.com' as email,
    'First ' || numbers.number as first_name,
    'Last ' || numbers.number as last_name,
    (array['en', 'fr', 'de', 'lb', null])[1 + mod(numbers.number, 5)] as preferred_language
from generate_series(1, %(cards_total)s::bigint) as numbers (number)
