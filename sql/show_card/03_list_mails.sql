-- Lists a card's latest mails, the newest first, with what a warning promised; without addresses.
-- In: the card's rows of email_logs. Out: one row per mail, at most so many.
-- Binds: card_id, rows_max.
-- A rerun lists what is known then.
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
    notices.opened_on
from loyalty.email_logs as mails
left join loyalty.expiration_notices as notices on mails.id = notices.email_log_id
where mails.card_id = %(card_id)s::bigint
order by mails.queued_at desc, mails.id desc
limit %(rows_max)s::integer
