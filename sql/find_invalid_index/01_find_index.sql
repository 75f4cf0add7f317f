-- Tells whether building an index concurrently has failed half-way and left it behind.
-- In: the catalogue. Out: one row.
-- Binds: index_name, in the schema loyalty.
-- A rerun reads the same.
select count(*) > 0 as is_invalid
from pg_catalog.pg_index as indexes
inner join pg_catalog.pg_class as classes on indexes.indexrelid = classes.oid
where
    classes.relname = %(index_name)s::text
    and classes.relnamespace = 'loyalty'::regnamespace
    and not indexes.indisvalid
