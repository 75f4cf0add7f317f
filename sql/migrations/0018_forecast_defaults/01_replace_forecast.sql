-- What the cards' points will do if nobody comes back: by the dates that select an expiry, with the
-- settings of today. Under minimum notice an unopened gate is expected to open with the first
-- warning stage. A view has no clock: a day that has passed already is due with the next run.
-- Settings that are null are their defaults, as in a run. As there, a program with settings beyond
-- the calendar or an unknown time zone takes no part and stops nobody. Who bounds cycle_started_at
-- by points_expiration_days reads no other card.
create or replace view loyalty.expiration_forecast as
with
programs as (
    select
        settings.id as program_id,
        settings.merchant_id,
        settings.points_expiration_days,
        settings.time_zone::text as time_zone,
        least(greatest(coalesce(settings.min_notice_days, 0), 0), 36500) as min_notice_days,
        coalesce(stages.days_max, 0) as stage_days_max
    from loyalty.loyalty_programs as settings
    inner join loyalty.merchants as merchants on settings.merchant_id = merchants.id
    cross join
        lateral (
            select max(least(stage.days::integer, settings.points_expiration_days - 1)) as days_max
            from unnest(coalesce(settings.warning_days, '{14}')) as stage (days)
            where stage.days >= 0
        ) as stages
    where
        settings.is_active
        and merchants.is_active
        and settings.points_expiration_days between 1 and 36500
        -- Inside an expression the list of zones, which PostgreSQL reads from files, is made once.
        and coalesce(
            lower(settings.time_zone) in (
                select lower(zones.name) from pg_catalog.pg_timezone_names as zones
            ),
            false
        )
),

dated_cards as (
    select
        cards.id as card_id,
        programs.program_id,
        programs.merchant_id,
        programs.points_expiration_days,
        programs.min_notice_days,
        programs.stage_days_max,
        programs.time_zone,
        cards.last_activity_at as cycle_started_at,
        cards.points_balance as points,
        cards.last_expiration_warning_at,
        (cards.last_activity_at at time zone programs.time_zone)::date
        + programs.points_expiration_days as due_on
    from programs
    inner join loyalty.loyalty_cards as cards on programs.program_id = cards.program_id
    where
        cards.points_balance > 0
        and cards.is_active
        and cards.last_activity_at > '1970-01-01 00:00:00+00'
        and cards.last_activity_at < '9000-01-01 00:00:00+00'
)

select
    dated_cards.card_id,
    dated_cards.program_id,
    dated_cards.merchant_id,
    dated_cards.cycle_started_at,
    dated_cards.points,
    dated_cards.time_zone,
    dated_cards.due_on,
    notices.usable_until + 1 as expires_on,
    dated_cards.points_expiration_days
from dated_cards
cross join
    lateral (
        select
            greatest(
                dated_cards.due_on,
                max(given.promised_on),
                max(case when mails.status = 'sending' then given.named_on end),
                case
                    when dated_cards.min_notice_days > 0
                        then
                            coalesce(
                                min(given.opened_on),
                                dated_cards.due_on - dated_cards.stage_days_max
                            )
                            + dated_cards.min_notice_days
                end
            ) as usable_until
        from loyalty.expiration_notices as given
        inner join loyalty.email_logs as mails on given.email_log_id = mails.id
        where
            given.card_id = dated_cards.card_id
            and given.cycle_started_at = dated_cards.cycle_started_at
            -- Only a card that was warned since its last activity has a notice to look up.
            and dated_cards.last_expiration_warning_at >= dated_cards.cycle_started_at
    ) as notices
where
    not exists (
        select 1
        from loyalty.expirations as expirations
        where
            expirations.card_id = dated_cards.card_id
            and expirations.cycle_started_at = dated_cards.cycle_started_at
    );
