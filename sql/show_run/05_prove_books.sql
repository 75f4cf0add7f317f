-- Proves a run's report against the ledger: what the report says, and what the ledger says.
-- In: the run, its expirations and reinstatements with their ledger rows. Out: one row.
-- Binds: run_id.
-- A rerun reads again; it changes nothing.
select
    runs.cards_expired as cards_expired_reported,
    runs.points_expired as points_expired_reported,
    runs.points_reinstated as points_reinstated_reported,
    expired.cards_total as cards_expired_booked,
    expired.points_total as points_expired_booked,
    given_back.points_total as points_reinstated_booked,
    (
        runs.cards_expired = expired.cards_total
        and runs.points_expired = expired.points_total
        and runs.points_reinstated = given_back.points_total
    ) as is_proven
from loyalty.expiration_runs as runs
cross join
    lateral (
        select
            count(*) as cards_total,
            coalesce(-sum(ledger.points_delta), 0)::bigint as points_total
        from loyalty.expirations as expirations
        inner join loyalty.loyalty_transactions as ledger on expirations.transaction_id = ledger.id
        where expirations.run_id = runs.id
    ) as expired
cross join
    lateral (
        select coalesce(sum(ledger.points_delta), 0)::bigint as points_total
        from loyalty.reinstatements
        inner join loyalty.loyalty_transactions as ledger
            on reinstatements.transaction_id = ledger.id
        where reinstatements.run_id = runs.id
    ) as given_back
where runs.id = %(run_id)s::bigint
