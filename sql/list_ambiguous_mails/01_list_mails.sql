-- Lists the mails that may have arrived and wait for a person.
-- In: ambiguous mails of the pipeline. Out: one row each, the oldest first; no name, no address.
-- Binds: none.
-- A rerun reads again; it changes nothing.
select
    mails.id,
    mails.template_code,
    mails.card_id,
    mails.message_id,
    coalesce(mails.handed_over_at, mails.queued_at) as handed_over_at
from loyalty.email_logs as mails
where mails.status = 'ambiguous' and mails.occurrence_key is not null
order by coalesce(mails.handed_over_at, mails.queued_at), mails.id
