-- Constraints that carry the invariants, added without reading the tables (`not valid`); the
-- migration validates each in a transaction of its own. A name that exists already is kept.
do $body$
declare
    wanted record;
begin
    for wanted in
        select constraints.*
        from
            (
                values
                (
                    'loyalty_cards', 'loyalty_cards_nothing_negative',
                    'check (points_balance >= 0 and stamp_count >= 0 '
                    || 'and total_points_earned >= 0 and total_points_redeemed >= 0 '
                    || 'and total_points_voided >= 0)'
                ),
                (
                    'loyalty_transactions', 'loyalty_transactions_nothing_negative',
                    'check (points_balance_after >= 0 and stamps_balance_after >= 0)'
                ),
                (
                    'loyalty_cards', 'loyalty_cards_program_of_merchant_fkey',
                    'foreign key (program_id, merchant_id) '
                    || 'references loyalty.loyalty_programs (id, merchant_id)'
                )
        ) as constraints (table_name, constraint_name, definition)
        where not exists (
            select 1
            from pg_catalog.pg_constraint as existing
            where
                existing.conname = constraints.constraint_name
                and existing.conrelid = format('loyalty.%I', constraints.table_name)::regclass
        )
    loop
        execute format(
            'alter table loyalty.%I add constraint %I %s not valid',
            wanted.table_name, wanted.constraint_name, wanted.definition
        );
    end loop;
end
$body$
