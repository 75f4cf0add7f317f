-- Invariant 5: no activity after the cycle's start was committed before the expiry.
-- In: expirations and the activity rows of their cards. Out: one row per expiry with an activity
-- between the cycle's start and the booking.
-- Ids are not the order of commits (see check 04): a row dated within the last minute before the
-- booking, or whose balance is not the sum up to its id, may have been committed after it and
-- proves nothing. Where activity gave the points back, as it was recorded late, all is settled.
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

summed_rows as (
    select
        expirations.card_id,
        expirations.transaction_id,
        expirations.cycle_started_at,
        expirations.points,
        booked.transaction_at as booked_at,
        ledger.transaction_type,
        ledger.transaction_at,
        ledger.points_balance_after,
        sum(ledger.points_delta) over (
            partition by expirations.transaction_id order by ledger.id
        ) as points_summed
    from touched_cards
    inner join loyalty.expirations as expirations on touched_cards.card_id = expirations.card_id
    inner join loyalty.loyalty_transactions as booked on expirations.transaction_id = booked.id
    inner join loyalty.loyalty_transactions as ledger
        on
            expirations.card_id = ledger.card_id
            and expirations.transaction_id > ledger.id
    where
        not exists (
            select 1
            from loyalty.reinstatements as reinstatements
            where
                reinstatements.expiration_id = expirations.transaction_id
                and reinstatements.activity_id is not null
        )
)

select
    summed_rows.card_id,
    format(
        '%%s points expired by ledger row %%s, but the cycle of %%s had ended with %%s at %%s',
        summed_rows.points,
        summed_rows.transaction_id,
        summed_rows.cycle_started_at,
        min(summed_rows.transaction_type),
        min(summed_rows.transaction_at)
    ) as detail
from summed_rows
where
    summed_rows.transaction_type in (
        'card_created', 'welcome_bonus', 'points_earned', 'points_redeemed', 'stamp_earned',
        'stamp_redeemed'
    )
    and summed_rows.cycle_started_at < summed_rows.transaction_at
    and summed_rows.transaction_at < summed_rows.booked_at - interval '1 minute'
    and summed_rows.points_balance_after = summed_rows.points_summed
group by
    summed_rows.card_id,
    summed_rows.points,
    summed_rows.transaction_id,
    summed_rows.cycle_started_at
order by summed_rows.card_id, summed_rows.transaction_id
