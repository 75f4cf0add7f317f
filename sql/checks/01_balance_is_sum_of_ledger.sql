-- Invariant 1: a card's balance is the sum of its ledger.
-- In: cards and all their ledger rows. Out: one row per card whose balance differs.
-- Binds: run_id (null: every card; else the cards of that run's plans).
-- A rerun reads only; a till moves both in one transaction, so it is never seen half done.
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

ledger_sums as (
    select
        touched_cards.card_id,
        coalesce(sum(ledger.points_delta), 0) as points_total
    from touched_cards
    left join loyalty.loyalty_transactions as ledger on touched_cards.card_id = ledger.card_id
    group by touched_cards.card_id
)

select
    cards.id as card_id,
    format(
        'balance %%s, but its ledger sums to %%s', cards.points_balance, ledger_sums.points_total
    ) as detail
from ledger_sums
inner join loyalty.loyalty_cards as cards on ledger_sums.card_id = cards.id
where cards.points_balance <> ledger_sums.points_total
order by cards.id
