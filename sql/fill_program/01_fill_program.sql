-- Makes up one merchant with one program, for a day that several workers share: of ten cards six
-- are due, two are to be warned, two are in use.
-- In: nothing. Out: cards_total cards with one earned ledger row each; one row, the merchant.
-- Binds: cards_total, as_of.
-- Rerun: makes up another merchant; no other row is touched.
with
new_merchant as (
    insert into loyalty.merchants (name)
    values ('Merchant of ' || to_char(%(as_of)s::timestamptz, 'YYYY-MM-DD HH24:MI:SS'))
    returning id
),

new_program as (
    insert into loyalty.loyalty_programs (
        merchant_id, name, points_expiration_days, size_check_cards
    )
    select
        new_merchant.id as merchant_id,
        'Program of ' || to_char(%(as_of)s::timestamptz, 'YYYY-MM-DD HH24:MI:SS') as name,
        365 as points_expiration_days,
        -- Nobody shall have to approve it.
        null as size_check_cards
    from new_merchant
    returning id, merchant_id
),

new_customers as (
    insert into loyalty.customers (email, first_name)
    select
        'customer-' || new_merchant.id || '-' || numbers.number || '@example.com' as email,
        'Customer' as first_name
    from new_merchant
    cross join generate_series(1, %(cards_total)s::bigint) as numbers (number)
    returning id
),

new_cards as (
    insert into loyalty.loyalty_cards (
        program_id, merchant_id, customer_id, card_number, points_balance, total_points_earned,
        last_activity_at
    )
    select
        new_program.id as program_id,
        new_program.merchant_id,
        new_customers.id as customer_id,
        'W-' || new_customers.id as card_number,
        100 as points_balance,
        100 as total_points_earned,
        %(as_of)s::timestamptz - case
            when mod(new_customers.id, 10) < 6 then interval '400 days'
            when mod(new_customers.id, 10) < 8 then interval '356 days'
            else interval '10 days'
        end as last_activity_at
    from new_customers
    cross join new_program
    order by new_customers.id
    returning id, merchant_id, last_activity_at
),

new_ledger_rows as (
    insert into loyalty.loyalty_transactions (
        card_id, merchant_id, transaction_type, points_delta, points_balance_after,
        stamps_delta, stamps_balance_after, transaction_at
    )
    select
        new_cards.id as card_id,
        new_cards.merchant_id,
        'points_earned' as transaction_type,
        100 as points_delta,
        100 as points_balance_after,
        0 as stamps_delta,
        0 as stamps_balance_after,
        new_cards.last_activity_at as transaction_at
    from new_cards
    returning id
)

select
    new_merchant.id as merchant_id,
    (select count(*) from new_ledger_rows) as ledger_rows_total
from new_merchant
