-- Claims what is left of the batch for one sender, and brings the warnings' figures up to date.
-- In: the picked mails that still stand. Out: status `sending` under the sender's number; for a
-- warning points, date and days as they are on the day it is sent. No name goes into variables.
-- A warning whose card was used since the statement before looked is left where it is: the next
-- batch sets it aside.
-- Prepared: every batch runs it.
-- Binds: email_log_ids (locked), warning_ids and local_days (parallel), sender_id.
-- Rerun: a claimed mail is not picked until its sender records it or dies.
with
warning_figures as materialized (
    select
        notices.email_log_id,
        jsonb_build_object(
            'points', cards.points_balance,
            'expiration_date', notices.named_on,
            'days_remaining', notices.named_on - picked.local_day,
            'inactivity_days', programs.points_expiration_days
        ) as figures
    from
        unnest(%(warning_ids)s::bigint[], %(local_days)s::date[])
            as picked (email_log_id, local_day)
    inner join loyalty.expiration_notices as notices
        on picked.email_log_id = notices.email_log_id
    inner join loyalty.loyalty_cards as cards on notices.card_id = cards.id
    inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
    where
        -- No equality: no card is looked for by its instant, which the cards of an import share.
        cards.last_activity_at is not distinct from notices.cycle_started_at
        and cards.points_balance > 0
),

claimed_mails as (
    select
        mails.id,
        warning_figures.figures
    from loyalty.email_logs as mails
    left join warning_figures on mails.id = warning_figures.email_log_id
    where
        mails.id = any(%(email_log_ids)s::bigint[])
        and mails.status in ('queued', 'deferred')
        and (
            warning_figures.email_log_id is not null
            or mails.id <> all(%(warning_ids)s::bigint[])
        )
)

update loyalty.email_logs as mails
set
    status = 'sending',
    sender_id = %(sender_id)s::integer,
    handed_over_at = null,
    variables = case
        when claimed_mails.figures is null then mails.variables
        else mails.variables || claimed_mails.figures
    end
from claimed_mails
where mails.id = claimed_mails.id
