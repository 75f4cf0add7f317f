-- Counts a run's mails by template and status.
-- In: mails that the run queued. Out: one row per template and status.
-- Binds: run_id.
-- A rerun reads again; it changes nothing.
select
    mails.template_code,
    mails.status,
    count(*) as mails_total
from loyalty.email_logs as mails
where mails.run_id = %(run_id)s::bigint
group by mails.template_code, mails.status
order by mails.template_code, mails.status
