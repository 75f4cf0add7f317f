-- Tells whether a migration has ever been applied.
-- In: the catalogue. Out: one row.
-- A rerun reads the same.
select to_regclass('loyalty.pipeline_version') is not null as has_version
