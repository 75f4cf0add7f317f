-- Locks the mails that a sender holds, dead or alive; what is being recorded now is passed over.
-- In: the mails under way. Out: one row, their ids; at most 50 per sender.
-- Locked before the next statement decides, so that it sees who holds a mail as it is by then:
-- a list of living senders and a mail claimed a moment later would not go together.
-- Rerun: nothing is changed here.
with
sending_mails as (
    select mails.id
    from loyalty.email_logs as mails
    -- The application sends mails of its own through this table; they are none of ours.
    where
        mails.status = 'sending'
        and mails.sender_id is not null
        and mails.occurrence_key is not null
    order by mails.id
    for update skip locked
)

select coalesce(array_agg(sending_mails.id), '{}') as sending_ids
from sending_mails
