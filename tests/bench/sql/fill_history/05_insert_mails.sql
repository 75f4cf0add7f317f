-- The mails about it: most of them sent, one in a hundred without an address, a few ambiguous.
-- In: planned cards. Out: one mail each.
-- Binds: none.
-- Rerun: only on a platform without runs.
insert into loyalty.email_logs (
    template_code, language, card_id, customer_id, merchant_id, occurrence_key, recipient_email,
    status, attempts, message_id, queued_at, sent_at, run_id
)
select
    case members.kind
        when 'expiry' then 'loyalty_points_expired' else 'loyalty_points_expiring'
    end as template_code,
    'en' as language,
    members.card_id,
    cards.customer_id,
    members.merchant_id,
    members.kind || ':' || members.run_id || ':' || members.card_id as occurrence_key,
    'customer-' || cards.customer_id || '@example.com' as recipient_email,
    case
        when mod(members.card_id, 100) = 7 then 'suppressed'
        when mod(members.card_id, 5000) = 11 then 'ambiguous'
        else 'sent'
    end as status,
    1 as attempts,
    '<' || members.run_id || '.' || members.card_id || '@example.com>' as message_id,
    runs.evaluated_at as queued_at,
    runs.evaluated_at + interval '1 minute' as sent_at,
    members.run_id
from loyalty.expiration_cohort_members as members
inner join loyalty.expiration_runs as runs on members.run_id = runs.id
inner join loyalty.loyalty_cards as cards on members.card_id = cards.id
