-- Counts a run's lifecycle mails.
-- In: the run's rows of email_logs. Out: one row per event that has mails: its template's code, how
-- many were queued, and how many of them are sent.
-- Binds: run_id.
-- A rerun counts what is so then.
select
    mails.template_code,
    count(*) as mails_total,
    count(*) filter (where mails.status = 'sent') as sent_total
from loyalty.email_logs as mails
where
    mails.run_id = %(run_id)s::bigint
    and mails.template_code in (
        'loyalty_enrollment', 'loyalty_welcome_bonus', 'loyalty_reward_ready'
    )
group by mails.template_code
order by mails.template_code
