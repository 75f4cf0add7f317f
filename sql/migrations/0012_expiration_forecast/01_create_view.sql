-- What the cards' points will do if nobody comes back: by the dates that select an expiry, with the
-- settings of today. Under minimum notice an unopened gate is expected to open with the first
-- warning stage. A view has no clock: a day that has passed already is due with the next run.
create or replace view loyalty.expiration_forecast as
with
programs as (
    select
        settings.id as program_id,
        settings.merchant_id,
        settings.points_expiration_days,
        settings.min_notice_days,
        zones.name as time_zone,
        coalesce(
            (
                select max(least(stage.days::integer, settings.points_expiration_days - 1))
                from unnest(settings.warning_days) as stage (days)
            ),
            0
        ) as stage_days_max
    from loyalty.loyalty_programs as settings
    inner join loyalty.merchants as merchants on settings.merchant_id = merchants.id
    inner join pg_catalog.pg_timezone_names as zones on settings.time_zone = zones.name
    where settings.is_active and merchants.is_active and settings.points_expiration_days > 0
),

dated_cards as (
    select
        cards.id as card_id,
        programs.program_id,
        programs.merchant_id,
        programs.min_notice_days,
        programs.stage_days_max,
        programs.time_zone,
        cards.last_activity_at as cycle_started_at,
        cards.points_balance as points,
        (cards.last_activity_at at time zone programs.time_zone)::date
        + programs.points_expiration_days as due_on
    from programs
    inner join loyalty.loyalty_cards as cards on programs.program_id = cards.program_id
    where
        cards.points_balance > 0
        and cards.is_active
        and cards.last_activity_at > '1970-01-01 00:00:00+00'
        and cards.last_activity_at < '9000-01-01 00:00:00+00'
),

notices as (
    select
        given.card_id,
        given.cycle_started_at,
        max(given.promised_on) as promised_on,
        min(given.opened_on) as opened_on
    from loyalty.expiration_notices as given
    group by given.card_id, given.cycle_started_at
)

select
    dated_cards.card_id,
    dated_cards.program_id,
    dated_cards.merchant_id,
    dated_cards.cycle_started_at,
    dated_cards.points,
    dated_cards.time_zone,
    dated_cards.due_on,
    greatest(
        dated_cards.due_on,
        notices.promised_on,
        case
            when dated_cards.min_notice_days > 0
                then
                    coalesce(notices.opened_on, dated_cards.due_on - dated_cards.stage_days_max)
                    + dated_cards.min_notice_days
        end
    ) + 1 as expires_on
from dated_cards
left join notices
    on
        dated_cards.card_id = notices.card_id
        and dated_cards.cycle_started_at = notices.cycle_started_at
where
    not exists (
        select 1
        from loyalty.expirations as expirations
        where
            expirations.card_id = dated_cards.card_id
            and expirations.cycle_started_at = dated_cards.cycle_started_at
    );

grant select on loyalty.expiration_forecast to loyalty_reader;
