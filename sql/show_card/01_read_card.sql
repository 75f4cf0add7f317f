-- Reads a card, its program's settings, and when the points of its cycle will expire.
-- In: one card and the notices of its present cycle. Out: its row, or none; without its customer.
-- Dates are null where the points never expire or the time zone is unknown.
-- Binds: card_id, now_at.
-- A rerun reads what is so then.
with
card as materialized (
    select
        cards.*,
        programs.name as program_name,
        programs.is_active as is_program_active,
        programs.points_expiration_days,
        programs.warning_days,
        programs.min_notice_days,
        programs.time_zone,
        merchants.name as merchant_name,
        merchants.is_active as is_merchant_active,
        zones.name is not null as is_zone_known
    from loyalty.loyalty_cards as cards
    inner join loyalty.loyalty_programs as programs on cards.program_id = programs.id
    inner join loyalty.merchants as merchants on cards.merchant_id = merchants.id
    left join pg_catalog.pg_timezone_names as zones on lower(zones.name) = lower(programs.time_zone)
    where cards.id = %(card_id)s::bigint
),

dated_card as (
    select
        card.*,
        case
            when card.is_zone_known then (%(now_at)s::timestamptz at time zone card.time_zone)::date
        end as today,
        case
            when
                card.is_zone_known
                and card.points_expiration_days > 0
                and card.last_activity_at > '1970-01-01 00:00:00+00'
                then
                    (card.last_activity_at at time zone card.time_zone)::date
                    + card.points_expiration_days
        end as due_on
    from card
),

notices as (
    select
        max(greatest(
            given.promised_on, case when mails.status = 'sending' then given.named_on end
        )) as promised_on,
        min(given.opened_on) as opened_on
    from dated_card
    inner join loyalty.expiration_notices as given
        on
            dated_card.id = given.card_id
            and dated_card.last_activity_at = given.cycle_started_at
    inner join loyalty.email_logs as mails on given.email_log_id = mails.id
)

select
    dated_card.id,
    dated_card.card_number,
    dated_card.program_id,
    dated_card.program_name,
    dated_card.merchant_name,
    dated_card.is_active,
    dated_card.is_program_active,
    dated_card.is_merchant_active,
    dated_card.is_zone_known,
    dated_card.created_at,
    dated_card.last_activity_at,
    dated_card.last_expiration_warning_at,
    dated_card.points_balance,
    dated_card.stamp_count,
    dated_card.total_points_earned,
    dated_card.total_points_redeemed,
    dated_card.total_points_voided,
    dated_card.points_expiration_days,
    dated_card.warning_days,
    dated_card.min_notice_days,
    dated_card.time_zone,
    dated_card.today,
    dated_card.due_on,
    notices.promised_on,
    notices.opened_on,
    case
        when dated_card.due_on is not null
            then greatest(
                dated_card.due_on,
                notices.promised_on,
                case
                    when dated_card.min_notice_days > 0
                        then notices.opened_on + dated_card.min_notice_days
                end
            )
    end as usable_until,
    expirations.transaction_id is not null as is_cycle_expired
from dated_card
cross join notices
left join loyalty.expirations as expirations
    on
        dated_card.id = expirations.card_id
        and dated_card.last_activity_at = expirations.cycle_started_at
