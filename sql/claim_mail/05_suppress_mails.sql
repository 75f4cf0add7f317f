-- Sets aside the picked mails that have no address to go to: none known, bounced or erased.
-- In: the picked mails that still stand. Out: status `suppressed`; a warning's gate opens on the
-- local day, because minimum notice cannot wait for an address; one result row, their count.
-- Prepared: every batch runs it.
-- Binds: email_log_ids (locked), warning_ids and local_days (parallel).
-- Rerun: a suppressed mail is not picked.
with
unreachable_mails as materialized (
    select mails.id
    from loyalty.email_logs as mails
    left join loyalty.customers as customers on mails.customer_id = customers.id
    where
        mails.id = any(%(email_log_ids)s::bigint[])
        and mails.status in ('queued', 'deferred')
        and (
            coalesce(btrim(customers.email), '') = ''
            or customers.email_suppressed_at is not null
        )
),

opened as (
    update loyalty.expiration_notices as notices
    set opened_on = coalesce(notices.opened_on, picked.local_day)
    from unreachable_mails
    inner join
        unnest(%(warning_ids)s::bigint[], %(local_days)s::date[])
            as picked (email_log_id, local_day)
        on unreachable_mails.id = picked.email_log_id
    where notices.email_log_id = unreachable_mails.id
),

suppressed as (
    update loyalty.email_logs as mails
    set
        status = 'suppressed',
        next_attempt_at = null
    from unreachable_mails
    where mails.id = unreachable_mails.id
    returning mails.id
)

select count(*) as mails_suppressed
from suppressed
