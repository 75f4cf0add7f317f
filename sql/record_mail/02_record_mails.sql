-- Records what became of a batch.
-- In: outcomes of mails that this sender holds. Out: their status; up to three retries, 60 seconds
-- apart and doubling; one result row, counts by what became of them (`ambiguous` counts the
-- warnings that go out once more, too).
-- Prepared: every batch runs it.
-- Binds: sender_id, outcome_ids, outcomes, answers and recipients (parallel), recorded_at.
-- A mail that was not accepted keeps no recipient, and an answer no name.
-- Rerun: a recorded mail is not this sender's any more.
with
answered as materialized (
    select
        mails.id,
        given.outcome,
        loyalty.without_names(mails.customer_id, given.answer) as answer,
        given.recipient,
        case given.outcome
            when 'sent' then 'sent'
            when 'temporary'
                then case when mails.attempts < 3 then 'deferred' else 'failed' end
            when 'permanent' then 'failed'
            when 'unrenderable' then 'failed'
            when 'suppressed' then 'suppressed'
            when 'released' then 'queued'
            when 'hung_up' then 'queued'
            when 'ambiguous'
                then
                    case
                        when
                            mails.ambiguous_times = 0
                            and mails.template_code = 'loyalty_points_expiring'
                            then 'queued'
                        else 'ambiguous'
                    end
        end as status
    from
        unnest(
            %(outcome_ids)s::bigint[],
            %(outcomes)s::text[],
            %(answers)s::text[],
            %(recipients)s::text[]
        ) as given (id, outcome, answer, recipient)
    inner join loyalty.email_logs as mails on given.id = mails.id
    where
        mails.status = 'sending'
        and mails.sender_id = %(sender_id)s::integer
),

recorded as (
    update loyalty.email_logs as mails
    set
        status = answered.status,
        sender_id = null,
        handed_over_at = case
            when answered.outcome = 'ambiguous' then mails.handed_over_at
        end,
        attempts = mails.attempts
        + (answered.outcome in ('sent', 'temporary', 'permanent'))::integer,
        ambiguous_times = mails.ambiguous_times + (answered.outcome = 'ambiguous')::integer,
        next_attempt_at = case
            when answered.status = 'deferred'
                then
                    %(recorded_at)s::timestamptz
                    + interval '60 seconds' * power(2, mails.attempts)
            when answered.outcome in ('released', 'hung_up') then mails.next_attempt_at
        end,
        error_message = case
            when answered.outcome in ('released', 'hung_up') then mails.error_message
            else answered.answer
        end,
        sent_at = case
            when answered.outcome = 'sent' then %(recorded_at)s::timestamptz
            else mails.sent_at
        end,
        recipient_email = case
            when answered.outcome = 'sent' then answered.recipient
            else mails.recipient_email
        end
    from answered
    where mails.id = answered.id
    returning answered.outcome, answered.status
)

select
    count(*) filter (where recorded.status = 'sent') as mails_sent,
    count(*) filter (where recorded.status = 'deferred') as mails_deferred,
    count(*) filter (where recorded.status = 'failed') as mails_failed,
    count(*) filter (where recorded.status = 'suppressed') as mails_suppressed,
    count(*) filter (where recorded.outcome = 'ambiguous') as mails_ambiguous
from recorded
