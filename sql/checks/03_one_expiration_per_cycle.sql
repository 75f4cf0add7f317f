-- Invariant 3: at most one expiration per cycle, and each has its ledger row.
-- In: expirations and their ledger rows. Out: one row per cycle expired twice, and one per
-- expiration whose ledger row, or the one that gave it back, is missing, of another card or type,
-- or of another amount.
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
)

select
    expirations.card_id,
    format(
        'cycle of %%s expired %%s times, %%s points',
        expirations.cycle_started_at,
        count(*),
        sum(expirations.points)
    ) as detail
from touched_cards
inner join loyalty.expirations as expirations on touched_cards.card_id = expirations.card_id
group by expirations.card_id, expirations.cycle_started_at
having count(*) > 1
union all
select
    expirations.card_id,
    format(
        'expiration of %%s points, but ledger row %%s is %%s of %%s points for card %%s',
        expirations.points,
        expirations.transaction_id,
        coalesce(ledger.transaction_type, 'missing'),
        coalesce(ledger.points_delta, 0),
        coalesce(ledger.card_id::text, 'none')
    ) as detail
from touched_cards
inner join loyalty.expirations as expirations on touched_cards.card_id = expirations.card_id
left join loyalty.loyalty_transactions as ledger on expirations.transaction_id = ledger.id
where
    ledger.id is null
    or ledger.card_id <> expirations.card_id
    or ledger.transaction_type <> 'points_expired'
    or ledger.points_delta <> -expirations.points
union all
select
    expirations.card_id,
    format(
        'expiration of %%s points given back, but ledger row %%s is %%s of %%s points for card %%s',
        expirations.points,
        expirations.reinstated_by,
        ledger.transaction_type,
        ledger.points_delta,
        ledger.card_id
    ) as detail
from touched_cards
inner join loyalty.expirations as expirations on touched_cards.card_id = expirations.card_id
inner join loyalty.loyalty_transactions as ledger on expirations.reinstated_by = ledger.id
where
    ledger.card_id <> expirations.card_id
    or ledger.transaction_type <> 'points_reinstated'
    or ledger.points_delta <> expirations.points
order by card_id, detail
