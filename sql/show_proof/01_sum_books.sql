-- Sums the books of the cards that a run planned for, program by program, beside its report.
-- In: the run's cards with their whole ledger as it is now, its report. Out: one row per program
-- with such cards or with figures in the report, 100 at most, those that do not add up first.
-- Opening is the ledger up to the run's beginning; credits and debits are everything since but what
-- this run expired, until now; closing is the balance now. Adds up: opening + credits - debits -
-- expired = closing, and what the ledger says expired is what the report says.
-- Binds: run_id.
-- A rerun reads again; it changes nothing.
with
run as (
    select
        runs.id,
        runs.ledger_id_before
    from loyalty.expiration_runs as runs
    where runs.id = %(run_id)s::bigint
),

planned_cards as (
    select
        members.card_id,
        members.program_id
    from loyalty.expiration_cohort_members as members
    where members.run_id = %(run_id)s::bigint
    union
    select
        members.card_id,
        members.program_id
    from loyalty.reinstatement_members as members
    where members.run_id = %(run_id)s::bigint
),

books as (
    select
        planned_cards.program_id,
        planned_cards.card_id,
        cards.points_balance,
        entries.*
    from planned_cards
    cross join run
    inner join loyalty.loyalty_cards as cards on planned_cards.card_id = cards.id
    cross join
        lateral (
            select
                sum(ledger.points_delta) filter (where ledger.id <= run.ledger_id_before)
                    as points_opening,
                sum(ledger.points_delta) filter (
                    where
                    ledger.id > run.ledger_id_before
                    and expirations.transaction_id is null
                    and ledger.points_delta > 0
                ) as points_credited,
                -sum(ledger.points_delta) filter (
                    where
                    ledger.id > run.ledger_id_before
                    and expirations.transaction_id is null
                    and ledger.points_delta < 0
                ) as points_debited,
                -sum(ledger.points_delta) filter (where expirations.transaction_id is not null)
                    as points_expired,
                count(expirations.transaction_id) as cards_expired
            from loyalty.loyalty_transactions as ledger
            left join loyalty.expirations as expirations
                on ledger.id = expirations.transaction_id and run.id = expirations.run_id
            where ledger.card_id = planned_cards.card_id
        ) as entries
),

program_books as (
    select
        books.program_id,
        count(*) as cards_total,
        coalesce(sum(books.points_opening), 0)::bigint as points_opening,
        coalesce(sum(books.points_credited), 0)::bigint as points_credited,
        coalesce(sum(books.points_debited), 0)::bigint as points_debited,
        coalesce(sum(books.points_expired), 0)::bigint as points_expired,
        sum(books.points_balance)::bigint as points_closing,
        sum(books.cards_expired)::bigint as cards_expired
    from books
    group by books.program_id
),

proven_programs as (
    select
        run_programs.program_id,
        run_programs.merchant_id,
        run_programs.cards_expired as cards_reported,
        run_programs.points_expired as points_reported,
        coalesce(program_books.cards_total, 0) as cards_total,
        coalesce(program_books.cards_expired, 0) as cards_expired,
        coalesce(program_books.points_opening, 0) as points_opening,
        coalesce(program_books.points_credited, 0) as points_credited,
        coalesce(program_books.points_debited, 0) as points_debited,
        coalesce(program_books.points_expired, 0) as points_expired,
        coalesce(program_books.points_closing, 0) as points_closing
    from loyalty.expiration_run_programs as run_programs
    left join program_books on run_programs.program_id = program_books.program_id
    where
        run_programs.run_id = %(run_id)s::bigint
        and (program_books.program_id is not null or run_programs.cards_expired > 0)
),

judged_programs as (
    select
        proven_programs.*,
        proven_programs.points_opening
        + proven_programs.points_credited
        - proven_programs.points_debited
        - proven_programs.points_expired
        = proven_programs.points_closing as is_balanced,
        proven_programs.cards_expired = proven_programs.cards_reported
        and proven_programs.points_expired = proven_programs.points_reported as is_reported
    from proven_programs
)

select
    judged_programs.*,
    programs.name as program_name,
    merchants.name as merchant_name,
    count(*) over () as programs_total,
    count(*) filter (where not judged_programs.is_balanced) over () as programs_unbalanced,
    count(*) filter (where not judged_programs.is_reported) over () as programs_misreported
from judged_programs
inner join loyalty.loyalty_programs as programs on judged_programs.program_id = programs.id
inner join loyalty.merchants as merchants on judged_programs.merchant_id = merchants.id
order by
    (judged_programs.is_balanced and judged_programs.is_reported) asc,
    judged_programs.points_expired desc,
    judged_programs.program_id asc
limit 100
