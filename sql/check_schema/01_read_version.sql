-- Tells whether the database has every table that this release works with.
-- In: the catalogue. Out: one row; is_migrated is false before the `make migrate` of this release.
-- A rerun reads the same.
select to_regclass('loyalty.mails_naming_a_customer') is not null as is_migrated
