-- Drops the indexes of the large tables, and keeps how to build them again: the platform is filled
-- five times as fast without. Constraints and their indexes stay.
create table loyalty.bench_indexes as
select
    indexes.schemaname || '.' || indexes.indexname as index_name,
    indexes.indexdef
from pg_catalog.pg_indexes as indexes
where
    indexes.schemaname = 'loyalty'
    and indexes.tablename in ('loyalty_cards', 'loyalty_transactions')
    and indexes.indexname not in (
        select constraints.conname
        from pg_catalog.pg_constraint as constraints
    );

do $body$
declare
    index record;
begin
    for index in select * from loyalty.bench_indexes
    loop
        execute 'drop index ' || index.index_name;
    end loop;
end
$body$
