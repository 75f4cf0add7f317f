-- Invariant 8: expiry never moves last_activity_at.
-- In: each card's latest expired cycle. Out: one row per card whose last_activity_at left that
-- cycle although no later activity stands in its ledger.
-- Binds: run_id (null: every card; else the cards of that run's plans).
-- A rerun reads only.
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

latest_cycles as (
    select
        expirations.card_id,
        max(expirations.cycle_started_at) as cycle_started_at
    from touched_cards
    inner join loyalty.expirations as expirations on touched_cards.card_id = expirations.card_id
    group by expirations.card_id
)

select
    cards.id as card_id,
    format(
        'last activity %%s, but the cycle of %%s expired and no activity followed',
        coalesce(cards.last_activity_at::text, 'none'),
        latest_cycles.cycle_started_at
    ) as detail
from latest_cycles
inner join loyalty.loyalty_cards as cards on latest_cycles.card_id = cards.id
where
    cards.last_activity_at is distinct from latest_cycles.cycle_started_at
    and not exists (
        select 1
        from loyalty.loyalty_transactions as activities
        where
            activities.card_id = cards.id
            and activities.transaction_at > latest_cycles.cycle_started_at
            and activities.transaction_type in (
                'card_created', 'welcome_bonus', 'points_earned', 'points_redeemed',
                'stamp_earned', 'stamp_redeemed'
            )
    )
order by cards.id
