-- Waits until nobody else plans the same cohort, as long as the session may wait for a lock: the
-- statement after it sees what was planned, so that no row is tried to be written to find out.
-- In: nothing. Out: one row; the turn ends with the transaction.
-- Binds: run_id, kind.
-- A rerun has the turn already.
select
    pg_advisory_xact_lock(
        hashtextextended('loyalty plan ' || %(run_id)s::bigint || ' ' || %(kind)s::text, 0)
    ) is null as is_turn
