-- When a claimed mail was marked as going to the mail server: from then on it may have arrived.
-- Without the mark a dead sender's mail was certainly not sent.
alter table loyalty.email_logs add column if not exists handed_over_at timestamptz;

-- Where a merchant's customers answer to; null: to the address that mails come from.
alter table loyalty.merchants add column if not exists reply_to_email text;

-- The local day on which a warning failed without opening its gate; only a later day's run queues
-- it again.
alter table loyalty.expiration_notices add column if not exists failed_on date;

-- What an older sender had claimed when it died may have been under way.
update loyalty.email_logs
set handed_over_at = queued_at
where status = 'sending' and sender_id is not null and occurrence_key is not null;
