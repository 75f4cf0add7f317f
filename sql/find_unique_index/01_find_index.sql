-- Tells whether a table has a unique index on just these columns, whatever it is called.
-- In: the catalogue. Out: one row; an index of a part of the rows does not count, nor one that was
-- built for the constraint and has not become it: the migration was cut off.
-- Binds: table_name, in the schema loyalty; columns, parted by a comma and a space;
-- constraint_name.
-- A rerun reads the same.
select count(*) > 0 as is_unique
from pg_catalog.pg_index as indexes
where
    indexes.indrelid = to_regclass('loyalty.' || %(table_name)s::text)
    and indexes.indisunique
    and indexes.indisvalid
    and indexes.indpred is null
    and (
        indexes.indexrelid <> coalesce(to_regclass('loyalty.' || %(constraint_name)s::text), 0)
        or exists (
            select 1
            from pg_catalog.pg_constraint as constraints
            where constraints.conindid = indexes.indexrelid
        )
    )
    and (
        select array_agg(attributes.attname::text order by attributes.attname::text)
        from pg_catalog.pg_attribute as attributes
        where
            attributes.attrelid = indexes.indrelid
            and attributes.attnum = any(indexes.indkey)
    ) = (
        select array_agg(wanted.column_name order by wanted.column_name)
        from unnest(string_to_array(%(columns)s::text, ', ')) as wanted (column_name)
    )
