-- Reads a card with its program's settings, its cycle, and when its points will expire.
-- In: one card. Out: one row, none where there is no such card; no name, no address.
-- `usable_until` is null where the points do not expire, or wait for a notice.
-- Binds: card_id.
-- A rerun reads again; it changes nothing.
with
read_cards as (
    select
        cards.id,
        cards.card_number,
        cards.points_balance,
        cards.stamp_count,
        cards.last_activity_at,
        cards.is_active,
        cards.created_at,
        cards.total_points_voided,
        programs.id as program_id,
        programs.name as program_name,
        programs.is_active as program_is_active,
        programs.points_expiration_days,
        coalesce(programs.warning_days, '{14}') as warning_days,
        least(greatest(coalesce(programs.min_notice_days, 0), 0), 36500) as min_notice_days,
        merchants.name as merchant_name,
        merchants.is_active as merchant_is_active,
        zones.name as time_zone
    from loyalty.loyalty_cards as cards
    inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
    inner join loyalty.merchants as merchants on cards.merchant_id = merchants.id
    left join pg_catalog.pg_timezone_names as zones on lower(programs.time_zone) = lower(zones.name)
    where cards.id = %(card_id)s::bigint
),

dated_cards as (
    select
        read_cards.*,
        case
            when
                read_cards.points_expiration_days between 1 and 36500
                and read_cards.last_activity_at > '1970-01-01 00:00:00+00'
                and read_cards.last_activity_at < '9000-01-01 00:00:00+00'
                then
                    (read_cards.last_activity_at at time zone read_cards.time_zone)::date
                    + read_cards.points_expiration_days
        end as due_on,
        notices.promised_on,
        notices.opened_on
    from read_cards
    cross join
        lateral (
            select
                max(greatest(
                    given.promised_on, case when mails.status = 'sending' then given.named_on end
                )) as promised_on,
                min(given.opened_on) as opened_on
            from loyalty.expiration_notices as given
            inner join loyalty.email_logs as mails on given.email_log_id = mails.id
            where
                given.card_id = read_cards.id
                and given.cycle_started_at = read_cards.last_activity_at
        ) as notices
)

select
    dated_cards.*,
    case
        when dated_cards.min_notice_days = 0 or dated_cards.opened_on is not null
            then
                greatest(
                    dated_cards.due_on,
                    dated_cards.promised_on,
                    case
                        when dated_cards.min_notice_days > 0
                            then dated_cards.opened_on + dated_cards.min_notice_days
                    end
                )
    end as usable_until,
    exists(
        select 1
        from loyalty.expirations as expirations
        where
            expirations.card_id = dated_cards.id
            and expirations.cycle_started_at = dated_cards.last_activity_at
    ) as is_expired_cycle
from dated_cards
