-- What each run planned: one card in a thousand expires, two in a thousand are warned. Cards are
-- taken by a multiple of their id, so that a cohort is scattered over the whole table; the cycle
-- is one before all that the card's ledger tells, and the card is neither due nor near its date.
-- In: runs and cards. Out: the cohorts of every run.
-- Binds: as_of.
-- Rerun: only on a platform without runs.
insert into loyalty.expiration_cohort_members (
    run_id, kind, card_id, program_id, merchant_id, cycle_started_at, due_on, usable_until,
    stage_days, points
)
select
    runs.id as run_id,
    case when lots.lot < 100 then 'expiry' else 'warning' end as kind,
    cards.id as card_id,
    cards.program_id,
    cards.merchant_id,
    runs.as_of - interval '900 days' as cycle_started_at,
    runs.as_of::date - 535 as due_on,
    runs.as_of::date - 535 as usable_until,
    case when lots.lot >= 100 then 14 end as stage_days,
    cards.points_balance as points
from loyalty.loyalty_cards as cards
cross join lateral (select mod(cards.id * 7919, 1000) as lot) as lots
inner join loyalty.expiration_runs as runs
    on runs.id = case when lots.lot < 100 then lots.lot else (lots.lot - 100) / 2 end
where
    cards.points_balance > 0
    and cards.last_activity_at > %(as_of)s::timestamptz - interval '350 days'
