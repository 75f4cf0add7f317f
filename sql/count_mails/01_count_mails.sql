-- Counts how the mails of a run fared so far, program by program.
-- In: the run's rows of email_logs. Out: one row per program with mails: sent, refused or
-- undeliverable, and waiting.
-- Binds: run_id.
-- A rerun counts what is known then.
select
    cards.program_id,
    count(*) filter (where mails.status = 'sent') as sent_total,
    count(*) filter (where mails.status in ('failed', 'suppressed', 'superseded'))
        as refused_total,
    count(*) filter (where mails.status in ('queued', 'sending', 'deferred', 'ambiguous'))
        as waiting_total
from loyalty.email_logs as mails
inner join loyalty.loyalty_cards as cards on mails.card_id = cards.id
where mails.run_id = %(run_id)s::bigint
group by cards.program_id
