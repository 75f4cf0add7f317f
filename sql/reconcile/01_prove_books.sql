-- Proves the books of every card that the run planned for, whether it was carried out or not.
-- In: the run's cards and their whole ledger. Out: one row per card where the opening (the ledger
-- up to the run's beginning), what tills credited and debited since and what the run expired do
-- not add up to its balance.
-- Binds: run_id.
-- A rerun reads only; it proves a closed run again.
with
run as (
    select
        runs.id,
        runs.ledger_id_before
    from loyalty.expiration_runs as runs
    where runs.id = %(run_id)s::bigint
),

touched_cards as (
    select run_cards.card_id
    from run
    inner join loyalty.run_cards as run_cards on run.id = run_cards.run_id
    -- Said once more, so that the view does not gather the cards of every run.
    where run_cards.run_id = %(run_id)s::bigint
),

entries as (
    select
        touched_cards.card_id,
        coalesce(ledger.points_delta, 0) as points_delta,
        case
            when ledger.id <= run.ledger_id_before then 'opening'
            when expirations.transaction_id is not null then 'expired'
            when ledger.points_delta > 0 then 'credit'
            else 'debit'
        end as side
    from touched_cards
    cross join run
    left join loyalty.loyalty_transactions as ledger on touched_cards.card_id = ledger.card_id
    left join loyalty.expirations as expirations
        on ledger.id = expirations.transaction_id and run.id = expirations.run_id
),

books as (
    select
        entries.card_id,
        coalesce(sum(entries.points_delta) filter (where entries.side = 'opening'), 0)
            as points_opening,
        coalesce(sum(entries.points_delta) filter (where entries.side = 'credit'), 0)
            as points_credited,
        coalesce(-sum(entries.points_delta) filter (where entries.side = 'debit'), 0)
            as points_debited,
        coalesce(-sum(entries.points_delta) filter (where entries.side = 'expired'), 0)
            as points_expired
    from entries
    group by entries.card_id
),

closed_books as (
    select
        books.*,
        cards.points_balance as points_closing,
        coalesce(expirations.points, 0) as points_recorded,
        books.points_opening + books.points_credited - books.points_debited - books.points_expired
        = cards.points_balance
        and books.points_expired = coalesce(expirations.points, 0) as is_proven
    from books
    inner join loyalty.loyalty_cards as cards on books.card_id = cards.id
    left join loyalty.expirations as expirations
        on
            books.card_id = expirations.card_id
            and expirations.run_id = %(run_id)s::bigint
)

select
    closed_books.card_id,
    format(
        'opening %%s + credits %%s - debits %%s - expired %%s is not closing %%s (recorded: %%s)',
        closed_books.points_opening,
        closed_books.points_credited,
        closed_books.points_debited,
        closed_books.points_expired,
        closed_books.points_closing,
        closed_books.points_recorded
    ) as detail
from closed_books
where not closed_books.is_proven
order by closed_books.card_id
