-- Marks a handful of claimed mails as going to the mail server, just before they go.
-- In: mails that this sender holds. Out: the mark and the Message-ID they go under, which stays
-- the same at every attempt; one result row, the ids marked: what was taken away meanwhile must
-- not be sent.
-- Prepared: every batch runs it.
-- Binds: sender_id, letter_ids and message_ids (parallel), handed_over_at.
-- Rerun: a mail that is under way is not marked again.
with
marked as (
    update loyalty.email_logs as mails
    set
        handed_over_at = %(handed_over_at)s::timestamptz,
        message_id = given.message_id
    from
        unnest(%(letter_ids)s::bigint[], %(message_ids)s::text[]) as given (id, message_id)
    where
        mails.id = given.id
        and mails.status = 'sending'
        and mails.sender_id = %(sender_id)s::integer
        and mails.handed_over_at is null
    returning mails.id
)

select coalesce(array_agg(marked.id), '{}') as marked_ids
from marked
