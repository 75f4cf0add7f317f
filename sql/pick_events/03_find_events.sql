-- Finds what is to be mailed among the picked rows: this file says what a lifecycle event is.
-- In: picked ledger rows of active cards, programs and merchants. Out: one row, two parallel arrays
-- in id order: the ledger rows of events, and the code of each event's template.
-- Binds: picked_ids.
-- Rerun: ledger rows never change; whether a card is active is asked when its row is read.
with
found_events as (
    select
        ledger.id as transaction_id,
        case
            when ledger.transaction_type = 'card_created' then 'loyalty_enrollment'
            when ledger.transaction_type = 'welcome_bonus' and ledger.points_delta > 0
                then 'loyalty_welcome_bonus'
            when
                ledger.transaction_type = 'stamp_earned'
                and programs.stamps_target > 0
                and ledger.stamps_balance_after >= programs.stamps_target
                and ledger.stamps_balance_after::bigint - ledger.stamps_delta
                < programs.stamps_target
                then 'loyalty_reward_ready'
        end as template_code
    from loyalty.loyalty_transactions as ledger
    inner join loyalty.loyalty_cards as cards on ledger.card_id = cards.id
    inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
    inner join loyalty.merchants as merchants on cards.merchant_id = merchants.id
    where
        ledger.id = any(%(picked_ids)s::bigint[])
        and cards.is_active
        and programs.is_active
        and merchants.is_active
)

select
    coalesce(array_agg(found_events.transaction_id order by found_events.transaction_id), '{}')
        as event_ids,
    coalesce(array_agg(found_events.template_code order by found_events.transaction_id), '{}')
        as template_codes
from found_events
where found_events.template_code is not null
