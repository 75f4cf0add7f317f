-- Gives back what the chunk's cards lost, after deciding once more on the locked cards.
-- In: the chunk's planned reinstatements that nobody carried out or skipped, of active cards still
-- in their program. Out: per expiry its `points_reinstated` ledger row and its row in
-- reinstatements; one result row, the ids of the ledger rows.
-- Binds: run_id, card_ids (locked), booked_at.
-- Rerun: an expiry is given back once, by key; one that was is not due again.
with
due_members as materialized (
    select
        members.*,
        cards.stamp_count,
        -- Several expiries of one card come back in their order, each on top of the last.
        cards.points_balance + sum(members.points) over (
            partition by members.card_id
            order by members.expiration_id
            rows between unbounded preceding and current row
        ) as points_balance_after
    from loyalty.reinstatement_members as members
    inner join loyalty.expirations as expirations
        on members.expiration_id = expirations.transaction_id
    inner join loyalty.loyalty_cards as cards on members.card_id = cards.id
    inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
    inner join loyalty.merchants as merchants on cards.merchant_id = merchants.id
    where
        members.run_id = %(run_id)s::bigint
        and members.card_id = any(%(card_ids)s::bigint[])
        and expirations.reinstated_by is null
        and cards.is_active
        and programs.is_active
        and merchants.is_active
        and cards.program_id = members.program_id
        and cards.merchant_id = members.merchant_id
        and not exists (
            select 1
            from loyalty.reinstatement_skips as skips
            where skips.run_id = members.run_id and skips.expiration_id = members.expiration_id
        )
),

posted as (
    insert into loyalty.loyalty_transactions (
        card_id, merchant_id, store_id, transaction_type, points_delta, points_balance_after,
        stamps_delta, stamps_balance_after, notes, transaction_at
    )
    select
        due_members.card_id,
        due_members.merchant_id,
        null as store_id,
        'points_reinstated' as transaction_type,
        due_members.points as points_delta,
        due_members.points_balance_after,
        0 as stamps_delta,
        due_members.stamp_count as stamps_balance_after,
        case
            when due_members.activity_id is null
                then format('Points given back, expired by %%s', due_members.expiration_id)
            else
                format(
                    'Points given back, expired by %%s: activity %%s was recorded late',
                    due_members.expiration_id,
                    due_members.activity_id
                )
        end as notes,
        %(booked_at)s::timestamptz as transaction_at
    from due_members
    order by due_members.card_id, due_members.expiration_id
    returning id, card_id, points_balance_after
),

reinstated as (
    insert into loyalty.reinstatements (
        transaction_id, expiration_id, card_id, points, activity_id, run_id
    )
    select
        posted.id as transaction_id,
        due_members.expiration_id,
        due_members.card_id,
        due_members.points,
        due_members.activity_id,
        due_members.run_id
    from posted
    inner join due_members
        on
            posted.card_id = due_members.card_id
            and posted.points_balance_after = due_members.points_balance_after
    returning transaction_id
)

select array_agg(reinstated.transaction_id) as transaction_ids
from reinstated
