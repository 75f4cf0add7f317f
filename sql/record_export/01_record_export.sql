-- Keeps the fingerprint of an export's manifest, so that the sender can tell an altered one.
-- In: one export. Out: its row in cohort_exports, replaced where the export is repeated.
-- Binds: run_id, kind, manifest_path, manifest_sha256, parts_total, rows_total, points_total,
-- exported_at.
-- Rerun: the same row again.
insert into loyalty.cohort_exports (
    run_id, kind, manifest_path, manifest_sha256, parts_total, rows_total, points_total,
    exported_at
)
values (
    %(run_id)s::bigint, %(kind)s::text, %(manifest_path)s::text, %(manifest_sha256)s::text,
    %(parts_total)s::integer, %(rows_total)s::bigint, %(points_total)s::bigint,
    %(exported_at)s::timestamptz
)
on conflict (run_id, kind) do update
    set
        manifest_path = excluded.manifest_path,
        manifest_sha256 = excluded.manifest_sha256,
        parts_total = excluded.parts_total,
        rows_total = excluded.rows_total,
        points_total = excluded.points_total,
        exported_at = excluded.exported_at
