-- Works out the date that each picked warning names: until when the points can really be used.
-- In: the picked warnings, with the program's settings as they are now and whatever earlier
-- warnings of the cycle promised. Out: named_on of their notices; one result row, parallel arrays
-- of the warnings and of the local day on which each is sent.
-- Prepared: every batch runs it.
-- Binds: email_log_ids (locked), sent_at, known_time_zones.
-- Rerun: the date is worked out anew; only an accepted warning turns it into a promise.
with
picked_warnings as materialized (
    select
        notices.email_log_id,
        notices.card_id,
        notices.cycle_started_at,
        notices.due_on,
        least(coalesce(programs.min_notice_days, 0), 36500) as min_notice_days,
        case
            when programs.points_expiration_days between 1 and 36500
                then programs.points_expiration_days
        end as expiration_days,
        case
            when programs.time_zone = any(%(known_time_zones)s::text[]) then programs.time_zone
            else 'UTC'
        end as time_zone
    from loyalty.expiration_notices as notices
    inner join loyalty.email_logs as mails on notices.email_log_id = mails.id
    inner join loyalty.loyalty_cards as cards on notices.card_id = cards.id
    inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
    where
        notices.email_log_id = any(%(email_log_ids)s::bigint[])
        and mails.template_code = 'loyalty_points_expiring'
),

local_warnings as materialized (
    select
        picked_warnings.*,
        (%(sent_at)s::timestamptz at time zone picked_warnings.time_zone)::date as local_day,
        (picked_warnings.cycle_started_at at time zone picked_warnings.time_zone)::date
            as active_on
    from picked_warnings
),

named_warnings as (
    select
        local_warnings.email_log_id,
        local_warnings.local_day,
        greatest(
            local_warnings.due_on,
            local_warnings.active_on + local_warnings.expiration_days,
            given.promised_on,
            case
                when local_warnings.min_notice_days > 0
                    then
                        coalesce(given.opened_on, local_warnings.local_day)
                        + local_warnings.min_notice_days
            end
        ) as named_on
    from local_warnings
    cross join lateral (
        select
            max(notices.promised_on) as promised_on,
            min(notices.opened_on) as opened_on
        from loyalty.expiration_notices as notices
        where
            notices.card_id = local_warnings.card_id
            and notices.cycle_started_at = local_warnings.cycle_started_at
    ) as given
),

dated as (
    update loyalty.expiration_notices as notices
    set named_on = named_warnings.named_on
    from named_warnings
    where notices.email_log_id = named_warnings.email_log_id
    returning notices.email_log_id, named_warnings.local_day
)

select
    coalesce(array_agg(dated.email_log_id order by dated.email_log_id), '{}') as warning_ids,
    coalesce(array_agg(dated.local_day order by dated.email_log_id), '{}') as local_days
from dated
