-- Lists a run's cohort files with the checksum of each manifest.
-- In: cohort_exports of one run. Out: one row per kind.
-- Binds: run_id.
-- A rerun reads again; it changes nothing.
select
    exports.kind,
    exports.manifest_sha256
from loyalty.cohort_exports as exports
where exports.run_id = %(run_id)s::bigint
order by exports.kind
