-- Counts what a platform holds.
-- In: the application's tables and the runs. Out: one row: merchants, cards, ledger rows, runs, and
-- the points of the ledger and of the balances, which have to be equal.
-- A rerun counts what there is then.
select
    (select count(*) from loyalty.merchants) as merchants_total,
    (select count(*) from loyalty.loyalty_cards) as cards_total,
    (select count(*) from loyalty.loyalty_transactions) as ledger_rows_total,
    (select count(*) from loyalty.expiration_runs) as runs_total,
    (
        select coalesce(sum(ledger.points_delta), 0)::bigint
        from loyalty.loyalty_transactions as ledger
    ) as ledger_points_total,
    (
        select coalesce(sum(cards.points_balance), 0)::bigint
        from loyalty.loyalty_cards as cards
    ) as balance_points_total
