-- Reads the fingerprint of an export's manifest.
-- In: one export. Out: one row, or none before the export was made.
-- Binds: run_id, kind.
-- A rerun reads the same.
select exports.manifest_sha256
from loyalty.cohort_exports as exports
where exports.run_id = %(run_id)s::bigint and exports.kind = %(kind)s::text
