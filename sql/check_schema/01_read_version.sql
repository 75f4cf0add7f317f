-- Tells whether the database has been brought up to this release.
-- In: the catalogue. Out: one row; is_migrated is false while the newest migration is missing: it
-- is told by what that migration brought.
-- A rerun reads the same.
select
    obj_description(to_regclass('loyalty.expiration_forecast'), 'pg_class') is not null
        as is_migrated
