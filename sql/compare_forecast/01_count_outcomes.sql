-- Counts what became of each card that the run before had forecast: one outcome per card, so that
-- the outcomes add up to the forecast.
-- In: expiration_forecast_cards of the run before, and what was recorded from then until the run
-- compared closed: expiries and skips of these daily runs and of the held plans they started, the
-- ledger, settings, notices. Whether a card is active and in its program is known only for now.
-- Out: one row per outcome: cards, points forecast, points that went.
-- Binds: run_id, forecast_run_id, taking_run_ids.
-- A rerun reads again; it changes nothing.
with
compared_run as (
    select runs.*
    from loyalty.expiration_runs as runs
    where runs.id = %(run_id)s::bigint
),

foretold_cards as (
    select
        kept.card_id,
        kept.cycle_started_at,
        kept.points,
        kept.expires_on,
        run_programs.exempt_reason,
        run_programs.min_notice_days,
        least(run_programs.today, run_programs.evaluated_on) as judged_on,
        cards.is_active,
        (
            run_programs.points_expiration_days is distinct from earlier.points_expiration_days
            or run_programs.time_zone is distinct from earlier.time_zone
            or run_programs.min_notice_days <> earlier.min_notice_days
            or cards.program_id <> kept.program_id
        ) as is_changed
    from loyalty.expiration_forecast_cards as kept
    inner join loyalty.expiration_run_programs as run_programs
        on kept.program_id = run_programs.program_id and run_programs.run_id = %(run_id)s::bigint
    inner join loyalty.expiration_run_programs as earlier
        on kept.run_id = earlier.run_id and kept.program_id = earlier.program_id
    inner join loyalty.loyalty_cards as cards on kept.card_id = cards.id
    where kept.run_id = %(forecast_run_id)s::bigint
),

recorded_cards as (
    select
        foretold_cards.*,
        expirations.points as points_taken,
        skipped.reason,
        coalesce(moves.is_active_again, false) as is_active_again,
        coalesce(moves.is_redeemed, false) as is_redeemed,
        moves.points_left = 0 as is_emptied,
        greatest(notices.promised_on, notices.opened_on + foretold_cards.min_notice_days)
            as promised_on,
        foretold_cards.min_notice_days > 0 and notices.opened_on is null as is_unnoticed
    from foretold_cards
    cross join compared_run
    left join loyalty.expirations as expirations
        on
            foretold_cards.card_id = expirations.card_id
            and foretold_cards.cycle_started_at = expirations.cycle_started_at
            and expirations.run_id = any(%(taking_run_ids)s::bigint[])
    left join
        lateral (
            select skips.reason
            from loyalty.expiration_skips as skips
            where
                skips.card_id = foretold_cards.card_id
                and skips.kind = 'expiry'
                and skips.run_id = any(%(taking_run_ids)s::bigint[])
            order by skips.run_id desc
            limit 1
        ) as skipped
        on true
    cross join
        lateral (
            select
                bool_or(ledger.transaction_type = 'points_redeemed') as is_redeemed,
                bool_or(
                    ledger.transaction_type in (
                        'card_created', 'welcome_bonus', 'points_earned', 'points_redeemed',
                        'stamp_earned', 'stamp_redeemed'
                    )
                ) as is_active_again,
                (array_agg(ledger.points_balance_after order by ledger.id desc))[1] as points_left
            from loyalty.loyalty_transactions as ledger
            where
                ledger.card_id = foretold_cards.card_id
                and ledger.transaction_at > foretold_cards.cycle_started_at
                and ledger.transaction_at <= compared_run.closed_at
        ) as moves
    cross join
        lateral (
            select
                max(given.promised_on) as promised_on,
                min(given.opened_on) as opened_on
            from loyalty.expiration_notices as given
            where
                given.card_id = foretold_cards.card_id
                and given.cycle_started_at = foretold_cards.cycle_started_at
        ) as notices
),

judged_cards as (
    select
        recorded_cards.*,
        case
            when recorded_cards.points_taken is not null then 'expired'
            -- First what a run wrote down when it decided, then what the facts say.
            when recorded_cards.reason in ('held', 'rejected', 'timed_out', 'lapsed') then 'held'
            when recorded_cards.reason = 'locked' then 'locked'
            when recorded_cards.reason in ('notice_owed', 'promised_later') then 'notice'
            when recorded_cards.reason = 'deactivated' then 'deactivated'
            when recorded_cards.reason = 'settings_changed' then 'settings'
            when recorded_cards.is_redeemed then 'redeemed'
            when recorded_cards.is_active_again or recorded_cards.reason = 'came_back'
                then 'came_back'
            when recorded_cards.is_emptied or recorded_cards.reason = 'emptied' then 'emptied'
            when recorded_cards.exempt_reason in ('merchant_inactive', 'program_inactive')
                then 'deactivated'
            when recorded_cards.exempt_reason is not null then 'settings'
            when recorded_cards.is_active is not true then 'deactivated'
            when recorded_cards.is_changed then 'settings'
            when recorded_cards.judged_on < recorded_cards.expires_on then 'still_due'
            when
                recorded_cards.is_unnoticed
                or recorded_cards.promised_on >= recorded_cards.judged_on
                then 'notice'
            else 'still_due'
        end as outcome
    from recorded_cards
)

select
    judged_cards.outcome,
    count(*) as cards_total,
    sum(judged_cards.points)::bigint as points_forecast,
    coalesce(sum(judged_cards.points_taken), 0)::bigint as points_taken
from judged_cards
group by judged_cards.outcome
order by cards_total desc, judged_cards.outcome asc
