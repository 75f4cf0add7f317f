-- Settles mails that may have arrived, as a person decided: send them again, or close them.
-- In: ambiguous mails of the pipeline: those named, or all. Out: `queued`, to go under the same
-- Message-ID (a warning is still looked at once more), or `failed`, for good; a warning's gate is
-- open by then. One result row, the ids settled.
-- Binds: mail_ids (null: all), is_sent_again.
-- Rerun: a mail that somebody settled is not ambiguous any more, so nobody settles it twice.
with
settled as (
    update loyalty.email_logs as mails
    set
        status = case when %(is_sent_again)s::boolean then 'queued' else 'failed' end,
        next_attempt_at = null,
        error_message = case
            when %(is_sent_again)s::boolean then 'Sent again by a person''s decision.'
            else 'Closed by a person''s decision; nobody knows whether it arrived.'
        end
    where
        mails.status = 'ambiguous'
        and mails.occurrence_key is not null
        and (
            %(mail_ids)s::bigint[] is null
            or mails.id = any(%(mail_ids)s::bigint[])
        )
    returning mails.id
)

select coalesce(array_agg(settled.id order by settled.id), '{}') as settled_ids
from settled
