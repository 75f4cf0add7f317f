-- Tells whether the database has been brought up to this release.
-- In: the catalogue. Out: one row; is_migrated is false while the newest migration is missing: it
-- is told by what that migration brought.
-- A rerun reads the same.
select
    to_regprocedure('loyalty.is_time_zone(text)') is not null
        as is_migrated
