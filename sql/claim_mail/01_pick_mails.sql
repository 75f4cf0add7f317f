-- Picks and locks one batch of mails that are due, in id order.
-- In: the queued and deferred mails of the pipeline whose time has come: those named, or any
-- above a given id. Out: one row, the ids of at most 50; other senders pass over them.
-- Binds: template_codes, named_ids (null: any), after_id, excluded_ids, sent_at.
-- Rerun: a mail is picked again only while nothing has become of it.
with
due_mails as (
    select mails.id
    from loyalty.email_logs as mails
    where
        mails.status in ('queued', 'deferred')
        and mails.id > %(after_id)s::bigint
        and (
            %(named_ids)s::bigint[] is null
            or mails.id = any(%(named_ids)s::bigint[])
        )
        and mails.id <> all(%(excluded_ids)s::bigint[])
        and (
            mails.next_attempt_at is null
            or mails.next_attempt_at <= %(sent_at)s::timestamptz
        )
        and mails.template_code = any(%(template_codes)s::text[])
        and mails.occurrence_key is not null
    order by mails.id
    limit 50
    for update skip locked
)

select coalesce(array_agg(due_mails.id), '{}') as email_log_ids
from due_mails
