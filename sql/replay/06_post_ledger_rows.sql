-- One window's activity enters the ledger, and from each card goes or comes what its rows say.
-- Returns the number of ledger rows. Runs on cards that file 04 has locked, never twice for a
-- window: file 05 finds what is posted, and the caller leaves those cards out of the rows.
-- Bind: rows, a JSON array of ledger rows; position is their order, which the ids follow.
with
folded_rows as (
    select folded.*
    from jsonb_to_recordset(%(rows)s::jsonb) as folded (
        position integer,
        card_id bigint,
        merchant_id bigint,
        store_id bigint,
        transaction_type text,
        points_delta bigint,
        points_balance_after bigint,
        notes text,
        transaction_at timestamptz
    )
),

inserted as (
    insert into loyalty.loyalty_transactions (
        card_id,
        merchant_id,
        store_id,
        transaction_type,
        points_delta,
        points_balance_after,
        stamps_delta,
        stamps_balance_after,
        notes,
        transaction_at
    )
    select
        folded_rows.card_id,
        folded_rows.merchant_id,
        folded_rows.store_id,
        folded_rows.transaction_type,
        folded_rows.points_delta,
        folded_rows.points_balance_after,
        0 as stamps_delta,
        cards.stamp_count as stamps_balance_after,
        folded_rows.notes,
        folded_rows.transaction_at
    from folded_rows
    inner join loyalty.loyalty_cards as cards on folded_rows.card_id = cards.id
    order by folded_rows.position
    returning
        card_id,
        transaction_type,
        points_delta,
        transaction_at
),

card_changes as (
    select
        inserted.card_id,
        sum(inserted.points_delta) as points_delta,
        sum(inserted.points_delta) filter (
            where inserted.transaction_type = 'points_earned'
        ) as points_earned,
        -sum(inserted.points_delta) filter (
            where inserted.transaction_type = 'points_redeemed'
        ) as points_redeemed,
        max(inserted.transaction_at) as last_activity_at
    from inserted
    group by inserted.card_id
),

updated as (
    update loyalty.loyalty_cards as cards
    set
        points_balance = cards.points_balance + card_changes.points_delta,
        total_points_earned
        = cards.total_points_earned + coalesce(card_changes.points_earned, 0),
        total_points_redeemed
        = cards.total_points_redeemed + coalesce(card_changes.points_redeemed, 0),
        last_activity_at = greatest(cards.last_activity_at, card_changes.last_activity_at)
    from card_changes
    where cards.id = card_changes.card_id
)

select count(*) as ledger_rows
from inserted
