-- Notes on the warnings' notices what the mail server's answers mean for the points.
-- In: outcomes of warnings that this sender holds. Out: the date a warning named is promised once
-- it was or may have been accepted; the gate of minimum notice opens once it was accepted, refused
-- for good, had no usable address, or its fate was unknown for the second time. A failure that
-- opens no gate leaves its local day.
-- Prepared: every batch runs it.
-- Binds: sender_id, outcome_ids and outcomes (parallel), recorded_at, known_time_zones.
-- Rerun: dates only grow, gates stay open, and recorded mails are not this sender's any more.
with
answered as materialized (
    select
        mails.id,
        given.outcome in ('sent', 'ambiguous') as is_promised,
        given.outcome in ('sent', 'permanent', 'suppressed')
        or (given.outcome = 'ambiguous' and mails.ambiguous_times > 0) as is_opened,
        given.outcome = 'unrenderable'
        or (given.outcome = 'temporary' and mails.attempts >= 3) as is_failed
    from unnest(%(outcome_ids)s::bigint[], %(outcomes)s::text[]) as given (id, outcome)
    inner join loyalty.email_logs as mails on given.id = mails.id
    where
        mails.status = 'sending'
        and mails.sender_id = %(sender_id)s::integer
        and mails.template_code = 'loyalty_points_expiring'
),

local_days as (
    select
        answered.*,
        (
            %(recorded_at)s::timestamptz at time zone case
                when programs.time_zone = any(%(known_time_zones)s::text[])
                    then programs.time_zone
                else 'UTC'
            end
        )::date as local_day
    from answered
    inner join loyalty.expiration_notices as notices on answered.id = notices.email_log_id
    inner join loyalty.loyalty_cards as cards on notices.card_id = cards.id
    inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
    where answered.is_promised or answered.is_opened or answered.is_failed
)

update loyalty.expiration_notices as notices
set
    promised_on = case
        when local_days.is_promised then greatest(notices.promised_on, notices.named_on)
        else notices.promised_on
    end,
    opened_on = case
        when local_days.is_opened then coalesce(notices.opened_on, local_days.local_day)
        else notices.opened_on
    end,
    failed_on = case
        when local_days.is_failed then local_days.local_day
        else notices.failed_on
    end
from local_days
where notices.email_log_id = local_days.id
