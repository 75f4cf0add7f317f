-- Fills an empty platform for the benchmark: ten programs, one card in twenty due, the rest not.
-- In: nothing. Out: cards_total cards with one earned ledger row each, scattered over programs.
-- Binds: cards_total, as_of.
-- Rerun: only on an empty database; ids would clash otherwise.
with
merchants as (
    insert into loyalty.merchants (id, name)
    select
        numbers.number,
        'Merchant ' || numbers.number
    from generate_series(1, 10) as numbers (number)
    returning id
),

programs as (
    insert into loyalty.loyalty_programs (id, merchant_id, name, points_expiration_days)
    select
        merchants.id,
        merchants.id as merchant_id,
        'Program ' || merchants.id,
        365
    from merchants
    returning id
),

customers as (
    insert into loyalty.customers (id, email, first_name)
    select
        numbers.number,
        'customer-' || numbers.number || '@example.com',
        'Customer'
    from generate_series(1, %(cards_total)s::bigint) as numbers (number)
    returning id
),

cards as (
    insert into loyalty.loyalty_cards (
        id, program_id, merchant_id, customer_id, card_number, points_balance,
        total_points_earned, last_activity_at
    )
    select
        customers.id,
        mod(customers.id, 10) + 1 as program_id,
        mod(customers.id, 10) + 1 as merchant_id,
        customers.id as customer_id,
        'B-' || customers.id,
        100,
        100,
        %(as_of)s::timestamptz - case
            when mod(customers.id, 20) = 7 then interval '400 days'
            else mod(customers.id, 365) * interval '1 day'
        end
    from customers
    returning id, merchant_id, last_activity_at
)

insert into loyalty.loyalty_transactions (
    card_id, merchant_id, transaction_type, points_delta, points_balance_after, transaction_at
)
select
    cards.id,
    cards.merchant_id,
    'points_earned',
    100,
    100,
    cards.last_activity_at
from cards
