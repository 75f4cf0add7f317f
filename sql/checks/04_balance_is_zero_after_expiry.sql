-- Invariant 4: right after an expiry the card's running balance is 0.
-- In: the ledger up to each expiry. Out: one row per expiry that left something or took too much.
-- Ids are not the order of commits: a till that took its id before our lock and committed after
-- it stands before the expiry. Rows dated no earlier than a minute before the booking, and rows
-- whose balance is not the sum up to their id, may count as after; the balance must come to 0 with
-- or without them. An expiry that late activity gave back is settled.
-- Binds: run_id (null: every card; else the cards of that run's plans). A rerun reads only.
with
touched_cards as (
    select run_cards.card_id
    from loyalty.run_cards as run_cards
    where run_cards.run_id = %(run_id)s::bigint
    union
    select cards.id as card_id
    from loyalty.loyalty_cards as cards
    where %(run_id)s::bigint is null
),

expiries as (
    select
        ledger.id,
        ledger.card_id,
        ledger.points_balance_after,
        ledger.transaction_at
    from touched_cards
    inner join loyalty.expirations as expirations on touched_cards.card_id = expirations.card_id
    inner join loyalty.loyalty_transactions as ledger on expirations.transaction_id = ledger.id
    where
        not exists (
            select 1
            from loyalty.reinstatements as reinstatements
            where
                reinstatements.expiration_id = expirations.transaction_id
                and reinstatements.activity_id is not null
        )
),

summed_rows as (
    select
        expiries.*,
        earlier.id as earlier_id,
        earlier.points_delta,
        earlier.transaction_at as earlier_at,
        earlier.points_balance_after as earlier_balance_after,
        sum(earlier.points_delta) over (
            partition by expiries.id order by earlier.id
        ) as points_summed
    from expiries
    inner join loyalty.loyalty_transactions as earlier
        on expiries.card_id = earlier.card_id and expiries.id >= earlier.id
),

earlier_rows as (
    select
        summed_rows.*,
        (
            summed_rows.earlier_id < summed_rows.id
            and (
                summed_rows.earlier_at >= summed_rows.transaction_at - interval '1 minute'
                or (
                    summed_rows.earlier_balance_after <> summed_rows.points_summed
                    and summed_rows.earlier_balance_after >= summed_rows.points_delta
                )
            )
        ) as may_be_after
    from summed_rows
),

running_balances as (
    select
        earlier_rows.id,
        earlier_rows.card_id,
        earlier_rows.points_balance_after,
        sum(case when earlier_rows.may_be_after then 0 else earlier_rows.points_delta end)
            as points_left,
        sum(case when earlier_rows.may_be_after then least(earlier_rows.points_delta, 0) else 0 end)
            as points_debited_meanwhile,
        sum(
            case
                when earlier_rows.may_be_after then greatest(earlier_rows.points_delta, 0) else 0
            end
        ) as points_credited_meanwhile
    from earlier_rows
    group by earlier_rows.id, earlier_rows.card_id, earlier_rows.points_balance_after
)

select
    running_balances.card_id,
    format(
        'ledger row %%s says %%s points are left, its ledger sums to %%s',
        running_balances.id,
        running_balances.points_balance_after,
        running_balances.points_left
    ) as detail
from running_balances
where
    running_balances.points_balance_after <> 0
    or running_balances.points_left + running_balances.points_debited_meanwhile > 0
    or running_balances.points_left + running_balances.points_credited_meanwhile < 0
order by running_balances.card_id, running_balances.id
