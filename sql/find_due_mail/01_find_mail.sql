-- Tells whether a sender would find work: a mail that is due, or one that a sender may have left.
-- In: the pipeline's mails that have a template. Out: one row.
-- Binds: template_codes, now_at.
-- A rerun tells what is so then.
with
due_mails as (
    select mails.id
    from loyalty.email_logs as mails
    where
        mails.status in ('queued', 'deferred', 'sending')
        and mails.template_code = any(%(template_codes)s::text[])
        and mails.occurrence_key is not null
        and (
            mails.status = 'sending'
            or mails.next_attempt_at is null
            or mails.next_attempt_at <= %(now_at)s::timestamptz
        )
    limit 1
)

select count(*) > 0 as is_due
from due_mails
