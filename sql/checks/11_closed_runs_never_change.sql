-- Invariant 11: a closed run's plan, deeds, skips and report never change.
-- In: closed runs. Out: one row per run whose fingerprint is not the one taken at its closing.
-- Binds: run_id (null: every closed run; else that run, if it is closed).
-- A rerun reads only.
select
    null::bigint as card_id,
    format(
        'run %%s, closed at %%s, has changed since: fingerprint %%s, now %%s',
        runs.id,
        runs.closed_at,
        coalesce(left(runs.digest, 12), 'none'),
        left(loyalty.run_digest(runs.id), 12)
    ) as detail
from loyalty.expiration_runs as runs
where
    runs.status = 'closed'
    and (%(run_id)s::bigint is null or runs.id = %(run_id)s::bigint)
    and runs.digest is distinct from loyalty.run_digest(runs.id)
order by runs.id
