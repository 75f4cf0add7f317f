-- Rows with ids of their own were copied into empty tables; the identities still start at 1.
-- Returns, for each of the six tables, the id after which the next row is numbered.
-- Customers and cards leave room for those that the replay enrols later, also by id.
-- Binds: customer_id_max, card_id_max. A rerun sets the same numbers again.
with
highest_ids as (
    select
        'loyalty.merchants' as table_name,
        max(merchants.id) as id_max
    from loyalty.merchants as merchants
    union all
    select
        'loyalty.stores',
        max(stores.id)
    from loyalty.stores as stores
    union all
    select
        'loyalty.customers',
        greatest(max(customers.id), %(customer_id_max)s::bigint)
    from loyalty.customers as customers
    union all
    select
        'loyalty.loyalty_programs',
        max(programs.id)
    from loyalty.loyalty_programs as programs
    union all
    select
        'loyalty.loyalty_cards',
        greatest(max(cards.id), %(card_id_max)s::bigint)
    from loyalty.loyalty_cards as cards
    union all
    select
        'loyalty.loyalty_transactions',
        coalesce(max(ledger.id), 1)
    from loyalty.loyalty_transactions as ledger
)

select
    highest_ids.table_name,
    setval(pg_get_serial_sequence(highest_ids.table_name, 'id'), highest_ids.id_max) as id_last
from highest_ids
