-- Lists a card's expired cycles with why they expired, the newest first.
-- In: the card's expirations, the settings as their runs saw them, the ledger, the notices. Out:
-- one row per expired cycle.
-- Binds: card_id.
-- A rerun lists the same, but for what is given back meanwhile.
select
    expirations.transaction_id,
    expirations.cycle_started_at,
    expirations.due_on,
    coalesce(expirations.usable_until, expirations.due_on) as usable_until,
    expirations.points,
    expirations.run_id,
    expirations.reinstated_by,
    ledger.transaction_at as expired_at,
    runs.run_type,
    runs.as_of,
    runs.decision,
    runs.decided_by,
    run_programs.points_expiration_days,
    run_programs.warning_days,
    run_programs.min_notice_days,
    run_programs.time_zone,
    run_programs.today,
    activity.transaction_type as activity_type,
    activity.id as activity_id,
    notices.warnings_total,
    notices.opened_on,
    notices.promised_on
from loyalty.expirations as expirations
inner join loyalty.loyalty_transactions as ledger on expirations.transaction_id = ledger.id
inner join loyalty.loyalty_cards as cards on expirations.card_id = cards.id
inner join loyalty.expiration_runs as runs on expirations.run_id = runs.id
inner join loyalty.expiration_run_programs as run_programs
    on expirations.run_id = run_programs.run_id and cards.program_id = run_programs.program_id
left join
    lateral (
        select
            candidates.id,
            candidates.transaction_type
        from loyalty.loyalty_transactions as candidates
        where
            candidates.card_id = expirations.card_id
            and candidates.transaction_at = expirations.cycle_started_at
            and candidates.transaction_type in (
                'card_created', 'welcome_bonus', 'points_earned', 'points_redeemed',
                'stamp_earned', 'stamp_redeemed'
            )
        order by candidates.id desc
        limit 1
    ) as activity
    on true
cross join
    lateral (
        select
            count(*) as warnings_total,
            min(given.opened_on) as opened_on,
            max(given.promised_on) as promised_on
        from loyalty.expiration_notices as given
        where
            given.card_id = expirations.card_id
            and given.cycle_started_at = expirations.cycle_started_at
    ) as notices
where expirations.card_id = %(card_id)s::bigint
order by expirations.transaction_id desc
