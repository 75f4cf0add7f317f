-- Builds the indexes that were dropped before filling, and puts the tables into the state in which
-- a live platform's autovacuum would keep them.
do $body$
declare
    index record;
    identity text;
begin
    for index in select * from loyalty.bench_indexes
    loop
        execute index.indexdef;
    end loop;
    foreach identity in array array[
        'merchants', 'stores', 'customers', 'loyalty_programs', 'loyalty_cards',
        'loyalty_transactions'
    ]
    loop
        execute format(
            'select setval(pg_get_serial_sequence(%L, ''id''), (select max(id) from loyalty.%I))',
            'loyalty.' || identity, identity
        );
    end loop;
end
$body$;

drop table loyalty.bench_indexes;

vacuum (analyze)
