-- Invariant 9: total_points_voided is what expired or was voided, net of reinstatements.
-- In: cards and their rows of these three types. Out: one row per card whose total differs.
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

ledger_sums as (
    select
        touched_cards.card_id,
        coalesce(-sum(ledger.points_delta), 0) as points_voided
    from touched_cards
    left join loyalty.loyalty_transactions as ledger
        on
            touched_cards.card_id = ledger.card_id
            and ledger.transaction_type in (
                'points_expired', 'points_voided', 'points_reinstated'
            )
    group by touched_cards.card_id
)

select
    cards.id as card_id,
    format(
        'voided total %%s, but its ledger sums to %%s',
        cards.total_points_voided,
        ledger_sums.points_voided
    ) as detail
from ledger_sums
inner join loyalty.loyalty_cards as cards on ledger_sums.card_id = cards.id
where cards.total_points_voided <> ledger_sums.points_voided
order by cards.id
