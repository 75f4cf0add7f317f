-- The cohort files of each run.
-- In: planned cards. Out: one row per run and kind.
-- Binds: none.
-- Rerun: only on a platform without runs.
insert into loyalty.cohort_exports (
    run_id, kind, manifest_path, manifest_sha256, parts_total, rows_total, points_total, exported_at
)
select
    members.run_id,
    members.kind,
    'run=' || members.run_id || '/kind=' || members.kind || '/manifest.json' as manifest_path,
    encode(sha256((members.run_id || members.kind)::bytea), 'hex') as manifest_sha256,
    1 as parts_total,
    count(*) as rows_total,
    sum(members.points)::bigint as points_total,
    max(runs.closed_at) as exported_at
from loyalty.expiration_cohort_members as members
inner join loyalty.expiration_runs as runs on members.run_id = runs.id
group by members.run_id, members.kind
