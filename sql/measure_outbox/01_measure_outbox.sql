-- Measures the outbox for the metrics: how many mails wait, and for how long the oldest has.
-- In: the pipeline's mails that are not done with. Out: one row; 0 where nothing waits.
-- Binds: now_at.
-- A rerun measures what waits then.
select
    count(*) filter (where mails.status = 'queued') as queued,
    count(*) filter (where mails.status = 'sending') as sending,
    count(*) filter (where mails.status = 'deferred') as deferred,
    greatest(
        coalesce(extract(epoch from %(now_at)s::timestamptz - min(mails.queued_at)), 0), 0
    )::double precision as oldest_seconds
from loyalty.email_logs as mails
where
    mails.status in ('queued', 'sending', 'deferred')
    and mails.occurrence_key is not null
