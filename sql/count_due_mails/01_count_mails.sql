-- Counts the mails that a sender would take now, for its log of its progress.
-- In: the pipeline's queued and deferred mails that have a template. Out: one row.
-- Binds: template_codes, now_at.
-- A rerun counts what is due then.
select count(*) as mails_due
from loyalty.email_logs as mails
where
    mails.status in ('queued', 'deferred')
    and mails.template_code = any(%(template_codes)s::text[])
    and mails.occurrence_key is not null
    and (
        mails.next_attempt_at is null
        or mails.next_attempt_at <= %(now_at)s::timestamptz
    )
