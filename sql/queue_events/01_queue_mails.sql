-- Queues the mails of the events; no name and no address goes into their variables.
-- In: events whose card and customer are locked. Out: one mail per event that has none, in ledger
-- order; one result row, their count. A reward that was redeemed since is `superseded` at once: the
-- mail log tells of it, the customer is not told of a reward that is gone.
-- Binds: event_ids and template_codes (parallel), locked_event_ids, run_id, queued_at.
-- Rerun: the occurrence key is unique; a mail that exists is left as it is.
with
events as (
    select
        ledger.*,
        event.template_code
    from
        unnest(%(event_ids)s::bigint[], %(template_codes)s::text[])
            as event (transaction_id, template_code)
    inner join loyalty.loyalty_transactions as ledger on event.transaction_id = ledger.id
    where ledger.id = any(%(locked_event_ids)s::bigint[])
),

mails as (
    select
        events.id as transaction_id,
        events.template_code,
        loyalty.mail_language(customers.preferred_language, stores.default_language) as language,
        events.card_id,
        cards.customer_id,
        cards.merchant_id,
        cards.enrolled_at_store_id as store_id,
        loyalty.lifecycle_occurrence_key(events.template_code, events.card_id, events.id)
            as occurrence_key,
        case events.template_code
            when 'loyalty_welcome_bonus' then jsonb_build_object('points', events.points_delta)
            when 'loyalty_reward_ready'
                then
                    jsonb_build_object(
                        'stamps', events.stamps_balance_after,
                        'stamps_target', programs.stamps_target
                    )
            else '{}'::jsonb
        end as variables,
        case
            when
                events.template_code = 'loyalty_reward_ready'
                and exists (
                    select 1
                    from loyalty.loyalty_transactions as later_rows
                    where
                        later_rows.card_id = events.card_id
                        and later_rows.id > events.id
                        and later_rows.transaction_type = 'stamp_redeemed'
                )
                then 'superseded'
            else 'queued'
        end as status
    from events
    inner join loyalty.loyalty_cards as cards on events.card_id = cards.id
    inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
    inner join loyalty.customers as customers on cards.customer_id = customers.id
    left join loyalty.stores as stores on cards.enrolled_at_store_id = stores.id
),

queued as (
    insert into loyalty.email_logs (
        template_code, language, card_id, customer_id, merchant_id, store_id, occurrence_key,
        variables, status, queued_at, run_id
    )
    select
        mails.template_code,
        mails.language,
        mails.card_id,
        mails.customer_id,
        mails.merchant_id,
        mails.store_id,
        mails.occurrence_key,
        mails.variables,
        mails.status,
        %(queued_at)s::timestamptz as queued_at,
        %(run_id)s::bigint as run_id
    from mails
    order by mails.transaction_id
    on conflict (occurrence_key) do nothing
    returning id
)

select count(*) as mails_queued
from queued
