-- Tells whether the pipeline's tables are there.
-- In: the catalogue. Out: one row; is_migrated is false before the first `make migrate`.
-- A rerun reads the same.
select to_regclass('loyalty.expiration_notices') is not null as is_migrated
