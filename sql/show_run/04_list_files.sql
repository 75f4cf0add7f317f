-- Lists a run's cohort files.
-- In: the run's rows of cohort_exports. Out: one row per kind.
-- Binds: run_id.
-- A rerun lists the same until an export is repeated.
select
    exports.kind,
    exports.manifest_path,
    exports.manifest_sha256,
    exports.parts_total,
    exports.rows_total,
    exports.points_total,
    exports.exported_at
from loyalty.cohort_exports as exports
where exports.run_id = %(run_id)s::bigint
order by exports.kind
