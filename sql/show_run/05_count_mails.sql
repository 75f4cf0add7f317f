-- Counts a run's mails by template and status.
-- In: the run's rows of email_logs. Out: one row per template and status that has mails.
-- Binds: run_id.
-- A rerun counts what is known then.
select
    mails.template_code,
    mails.status,
    count(*) as mails_total
from loyalty.email_logs as mails
where mails.run_id = %(run_id)s::bigint
group by mails.template_code, mails.status
order by mails.template_code, mails.status
