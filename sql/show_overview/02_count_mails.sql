-- Counts the mails of the latest runs by their status.
-- In: the latest runs' rows of email_logs. Out: one row per run and status that has mails.
-- Binds: runs_max.
-- A rerun counts what is known then.
with
latest_runs as materialized (
    select runs.id
    from loyalty.expiration_runs as runs
    order by runs.id desc
    limit %(runs_max)s::integer
)

select
    mails.run_id,
    mails.status,
    count(*) as mails_total
from latest_runs
inner join loyalty.email_logs as mails on latest_runs.id = mails.run_id
group by mails.run_id, mails.status
order by mails.run_id, mails.status
