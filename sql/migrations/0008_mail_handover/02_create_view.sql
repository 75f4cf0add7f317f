-- Warnings that failed without opening their gate (put off too often, or not to be written), with
-- the local day on which they did: they do not stand, but are not queued again on that day.
create or replace view loyalty.failed_warnings as
select
    notices.email_log_id,
    notices.card_id,
    notices.cycle_started_at,
    notices.stage_days,
    notices.failed_on
from loyalty.expiration_notices as notices
inner join loyalty.email_logs as mails on notices.email_log_id = mails.id
where
    mails.status = 'failed'
    and notices.opened_on is null
    and notices.failed_on is not null
