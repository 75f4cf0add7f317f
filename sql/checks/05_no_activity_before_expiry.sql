-- Invariant 5: no activity after the cycle's start was committed before the expiry.
-- In: expirations and the activity rows of their cards. Out: one row per expiry with an activity
-- between the cycle's start and the booking.
-- Ids are not the order of commits (see check 04): a row dated within the last minute before the
-- booking, or later, may have been committed after it and proves nothing.
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
)

select
    expirations.card_id,
    format(
        '%%s points expired by ledger row %%s, but the cycle of %%s had ended with %%s at %%s',
        expirations.points,
        expirations.transaction_id,
        expirations.cycle_started_at,
        min(activities.transaction_type),
        min(activities.transaction_at)
    ) as detail
from touched_cards
inner join loyalty.expirations as expirations on touched_cards.card_id = expirations.card_id
inner join loyalty.loyalty_transactions as ledger on expirations.transaction_id = ledger.id
inner join loyalty.loyalty_transactions as activities
    on
        expirations.card_id = activities.card_id
        and expirations.transaction_id > activities.id
        and expirations.cycle_started_at < activities.transaction_at
        and activities.transaction_at < ledger.transaction_at - interval '1 minute'
where
    activities.transaction_type in (
        'card_created', 'welcome_bonus', 'points_earned', 'points_redeemed', 'stamp_earned',
        'stamp_redeemed'
    )
group by
    expirations.card_id,
    expirations.points,
    expirations.transaction_id,
    expirations.cycle_started_at
order by expirations.card_id, expirations.transaction_id
