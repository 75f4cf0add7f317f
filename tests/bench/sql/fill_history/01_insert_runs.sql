-- Daily runs, the last one two hours into the platform's day; each closed after two minutes.
-- In: nothing. Out: runs_total runs, whose ids count from 1; their sums come last.
-- Binds: runs_total, as_of.
-- Rerun: only on a platform without runs.
insert into loyalty.expiration_runs (
    id, dag_id, dag_run_id, as_of, evaluated_at, status, ledger_id_before, closed_at
)
overriding system value
select
    numbers.number,
    'loyalty_points_expiration' as dag_id,
    'scheduled__' || numbers.number as dag_run_id,
    days.begun_at,
    days.begun_at as evaluated_at,
    'closed' as status,
    0 as ledger_id_before,
    days.begun_at + interval '2 minutes' as closed_at
from generate_series(1, %(runs_total)s::bigint) as numbers (number)
cross join
    lateral (
        select
            date_trunc('day', %(as_of)s::timestamptz, 'UTC') + interval '2 hours'
            - (%(runs_total)s::bigint - numbers.number) * interval '1 day' as begun_at
    ) as days
