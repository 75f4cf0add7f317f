-- Cards, a few of them due, a few near their date, the others used within the last 340 days.
-- In: programs and customers. Out: cards_total cards; the first programs have by far the most
-- (the share grows with the cube of a number between 0 and 1); whether a card is due or near goes
-- by a multiple of its id, so that either cohort is scattered over the whole table.
-- Binds: cards_total, programs_total, due_total, near_total, as_of.
-- Rerun: only on an empty database.
insert into loyalty.loyalty_cards (
    id, program_id, merchant_id, customer_id, enrolled_at_store_id, card_number, points_balance,
    total_points_earned, last_activity_at, created_at
)
with
drawn_cards as (
    select
        numbers.number as id,
        1 + floor(
            %(programs_total)s::bigint * power(mod(numbers.number * 40503, 65536) / 65536.0::float8, 3)
        )::bigint as program_id,
        mod(numbers.number * 7919, %(cards_total)s::bigint) as lot,
        mod(numbers.number * 31, 86400) * interval '1 second' as moment,
        1 + mod(numbers.number, 5) as rows_total
    from generate_series(1, %(cards_total)s::bigint) as numbers (number)
)

select
    drawn_cards.id,
    drawn_cards.program_id,
    drawn_cards.program_id as merchant_id,
    drawn_cards.id as customer_id,
    drawn_cards.program_id as enrolled_at_store_id,
    'B-' || drawn_cards.id as card_number,
    50 * drawn_cards.rows_total as points_balance,
    50 * drawn_cards.rows_total as total_points_earned,
    %(as_of)s::timestamptz - drawn_cards.moment - case
        when drawn_cards.lot < %(due_total)s::bigint
            then (370 + mod(drawn_cards.id, 17)) * interval '1 day'
        when drawn_cards.lot < %(due_total)s::bigint + %(near_total)s::bigint
            then (353 + mod(drawn_cards.id, 9)) * interval '1 day'
        else mod(drawn_cards.lot, 340) * interval '1 day'
    end as last_activity_at,
    %(as_of)s::timestamptz - interval '600 days' as created_at
from drawn_cards
