-- Takes the mails of dead senders back; what was handed over may have been accepted.
-- In: the locked mails whose sender's lock nobody holds. Out: a mail that was not handed over
-- returns to `queued` unchanged. Of the others a warning returns to `queued` the first time and is
-- `ambiguous` the second, when its gate opens; any other mail is `ambiguous`. One result row:
-- counts of mails not sent, of warnings that go out once more, of mails that wait for a person.
-- Binds: sending_ids (locked), sender_lock_class, recovered_at, known_time_zones.
-- Rerun: a recovered mail is not `sending` any more.
with
living_senders as materialized (
    select locks.objid::bigint as sender_id
    from pg_catalog.pg_locks as locks
    inner join pg_catalog.pg_database as databases on locks.database = databases.oid
    where
        databases.datname = current_database()
        and locks.locktype = 'advisory'
        and locks.classid = %(sender_lock_class)s::oid
        and locks.objsubid = 2
        and locks.granted
),

orphans as materialized (
    select
        mails.id,
        mails.handed_over_at is not null as is_ambiguous,
        mails.ambiguous_times = 0
        and mails.template_code = 'loyalty_points_expiring' as is_sent_again
    from loyalty.email_logs as mails
    where
        mails.id = any(%(sending_ids)s::bigint[])
        and mails.status = 'sending'
        and not exists (
            select 1
            from living_senders
            where living_senders.sender_id = mails.sender_id
        )
),

local_days as (
    select
        orphans.id,
        orphans.is_sent_again,
        (
            %(recovered_at)s::timestamptz at time zone case
                when programs.time_zone = any(%(known_time_zones)s::text[])
                    then programs.time_zone
                else 'UTC'
            end
        )::date as local_day
    from orphans
    inner join loyalty.expiration_notices as notices on orphans.id = notices.email_log_id
    inner join loyalty.loyalty_cards as cards on notices.card_id = cards.id
    inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
    where orphans.is_ambiguous
),

promised as (
    update loyalty.expiration_notices as notices
    set
        promised_on = greatest(notices.promised_on, notices.named_on),
        opened_on = case
            when local_days.is_sent_again then notices.opened_on
            else coalesce(notices.opened_on, local_days.local_day)
        end
    from local_days
    where notices.email_log_id = local_days.id
),

recovered as (
    update loyalty.email_logs as mails
    set
        status = case
            when orphans.is_ambiguous and not orphans.is_sent_again then 'ambiguous'
            else 'queued'
        end,
        ambiguous_times = mails.ambiguous_times + orphans.is_ambiguous::integer,
        next_attempt_at = case when not orphans.is_ambiguous then mails.next_attempt_at end,
        sender_id = null,
        handed_over_at = case when orphans.is_ambiguous then mails.handed_over_at end,
        error_message = case
            when orphans.is_ambiguous
                then 'The sender died before the server''s answer was recorded.'
            else mails.error_message
        end
    from orphans
    where mails.id = orphans.id
    returning orphans.is_ambiguous, orphans.is_sent_again
)

select
    count(*) filter (where not recovered.is_ambiguous) as mails_unsent,
    count(*) filter (where recovered.is_ambiguous and recovered.is_sent_again)
        as mails_sent_again,
    count(*) filter (where recovered.is_ambiguous and not recovered.is_sent_again)
        as mails_ambiguous
from recovered
