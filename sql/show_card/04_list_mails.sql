-- Lists a card's mails with their status and, for warnings, what they promised.
-- In: mails of one card. Out: 200 rows at most, the newest first; no name, no address.
-- Binds: card_id.
-- A rerun reads again; it changes nothing.
select
    mails.id,
    mails.template_code,
    mails.language,
    mails.status,
    mails.attempts,
    mails.error_message,
    mails.queued_at,
    mails.sent_at,
    mails.run_id,
    notices.stage_days,
    notices.named_on,
    notices.promised_on
from loyalty.email_logs as mails
left join loyalty.expiration_notices as notices on mails.id = notices.email_log_id
where mails.card_id = %(card_id)s::bigint and mails.occurrence_key is not null
order by mails.id desc
limit 200
