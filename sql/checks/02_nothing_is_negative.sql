-- Invariant 2: no balance, count, total or running balance is negative.
-- In: cards and their ledger rows. Out: one row per card or ledger row with a negative figure.
-- Binds: run_id (null: every card; else the cards of that run's plans).
-- A rerun reads only. Constraints refuse such rows already; this also sees a dropped constraint.
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
    cards.id as card_id,
    format(
        'balance %%s, stamps %%s, earned %%s, redeemed %%s, voided %%s',
        cards.points_balance,
        cards.stamp_count,
        cards.total_points_earned,
        cards.total_points_redeemed,
        cards.total_points_voided
    ) as detail
from touched_cards
inner join loyalty.loyalty_cards as cards on touched_cards.card_id = cards.id
where
    least(
        cards.points_balance,
        cards.stamp_count,
        cards.total_points_earned,
        cards.total_points_redeemed,
        cards.total_points_voided
    ) < 0
union all
select
    ledger.card_id,
    format(
        'ledger row %%s leaves %%s points and %%s stamps',
        ledger.id,
        ledger.points_balance_after,
        ledger.stamps_balance_after
    ) as detail
from touched_cards
inner join loyalty.loyalty_transactions as ledger on touched_cards.card_id = ledger.card_id
where least(ledger.points_balance_after, ledger.stamps_balance_after) < 0
order by card_id, detail
