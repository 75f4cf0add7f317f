-- Tells whether the database has been brought up to this release.
-- In: the catalogue. Out: one row; is_migrated is false while the newest migration is missing: it
-- is told by what that migration brought.
-- A rerun reads the same.
select
    to_regclass('loyalty.expiration_run_programs_days_idx') is not null
        as is_migrated
