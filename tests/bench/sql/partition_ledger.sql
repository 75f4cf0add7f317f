-- Cuts the ledger by month. Its key has to hold the month then, so that no key can refer to a
-- ledger row by its id alone any more; the pipeline's are dropped.
alter table loyalty.expirations
drop constraint expirations_transaction_fkey,
drop constraint expirations_reinstated_by_fkey;

alter table loyalty.reinstatements drop constraint reinstatements_transaction_fkey;

alter table loyalty.loyalty_transactions rename to ledger_in_one;

create table loyalty.loyalty_transactions (
    like loyalty.ledger_in_one including defaults including constraints including identity,
    primary key (id, transaction_at)
) partition by range (transaction_at);

do $body$
declare
    opening timestamptz;
begin
    for opening in
        select generate_series(
            date_trunc('month', min(transaction_at)),
            max(transaction_at) + interval '1 month',
            interval '1 month'
        )
        from loyalty.ledger_in_one
    loop
        execute format(
            'create table loyalty.%I partition of loyalty.loyalty_transactions '
            'for values from (%L) to (%L)',
            'ledger_' || to_char(opening, 'YYYY_MM'), opening, opening + interval '1 month'
        );
    end loop;
end
$body$;

insert into loyalty.loyalty_transactions overriding system value
select * from loyalty.ledger_in_one;

alter table loyalty.loyalty_transactions
add foreign key (card_id) references loyalty.loyalty_cards (id),
add foreign key (merchant_id) references loyalty.merchants (id),
add foreign key (store_id) references loyalty.stores (id);

do $body$
declare
    definition text;
begin
    for definition in
        select indexes.indexdef
        from pg_catalog.pg_indexes as indexes
        where
            indexes.schemaname = 'loyalty'
            and indexes.tablename = 'ledger_in_one'
            and indexes.indexname <> 'loyalty_transactions_pkey'
    loop
        execute replace(
            replace(definition, 'loyalty.ledger_in_one', 'loyalty.loyalty_transactions'),
            'INDEX loyalty_transactions', 'INDEX partitioned_transactions'
        );
    end loop;
    perform setval(
        pg_get_serial_sequence('loyalty.loyalty_transactions', 'id'),
        (select max(id) from loyalty.ledger_in_one)
    );
end
$body$;

drop table loyalty.ledger_in_one;

grant select, insert on loyalty.loyalty_transactions to loyalty_pipeline;

vacuum (analyze) loyalty.loyalty_transactions
