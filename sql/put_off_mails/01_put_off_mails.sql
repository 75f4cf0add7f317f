-- Puts off mails that a server did not take, though not because of their recipients.
-- In: mails that were given back as queued. Out: they wait ten minutes, and say why; that was no
-- attempt. One result row, their count.
-- Binds: put_off_ids, put_off_at, reason.
-- Rerun: they wait ten minutes from then; what somebody took up meanwhile is left alone.
with
put_off as (
    update loyalty.email_logs as mails
    set
        next_attempt_at = %(put_off_at)s::timestamptz + interval '10 minutes',
        error_message = %(reason)s::text
    where
        mails.id = any(%(put_off_ids)s::bigint[])
        and mails.status = 'queued'
        and mails.sender_id is null
    returning mails.id
)

select count(*) as mails_put_off
from put_off
