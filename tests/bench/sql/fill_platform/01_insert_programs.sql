-- Merchants and their programs: points expire after a year, warnings go out fourteen days before.
-- In: nothing. Out: programs_total merchants with a store and a program each, of the same id.
-- Binds: programs_total.
-- Rerun: only on an empty database; ids would clash otherwise.
with
merchants as (
    insert into loyalty.merchants (id, name)
    select
        numbers.number,
        'Merchant ' || numbers.number
    from generate_series(1, %(programs_total)s::bigint) as numbers (number)
    returning id
),

stores as (
    insert into loyalty.stores (id, merchant_id, name)
    select
        merchants.id,
        merchants.id as merchant_id,
        'Store ' || merchants.id
    from merchants
)

insert into loyalty.loyalty_programs (
    id, merchant_id, name, points_expiration_days, time_zone, stamps_target
)
select
    merchants.id,
    merchants.id as merchant_id,
    'Program ' || merchants.id,
    365,
    (array['UTC', 'Europe/Luxembourg', 'America/New_York'])[1 + mod(merchants.id, 3)],
    10
from merchants
