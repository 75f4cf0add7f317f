-- Lists a card's expired cycles with the full why: settings as they were, the run, who approved.
-- In: expirations of one card with the snapshot of their run. Out: one row per cycle.
-- Binds: card_id.
-- A rerun reads again; it changes nothing.
select
    expirations.transaction_id,
    expirations.cycle_started_at,
    expirations.due_on,
    expirations.usable_until,
    expirations.points,
    expirations.run_id,
    expirations.reinstated_by,
    ledger.transaction_at as expired_at,
    run_programs.points_expiration_days,
    run_programs.time_zone,
    run_programs.min_notice_days,
    run_programs.today,
    runs.as_of,
    runs.decision,
    runs.decided_by,
    runs.held_run_id,
    (expirations.cycle_started_at at time zone run_programs.time_zone)::date as activity_on,
    notices.warnings_total,
    notices.opened_on,
    notices.promised_on,
    activity.id as activity_id,
    activity.transaction_type as activity_type
from loyalty.expirations as expirations
inner join loyalty.expiration_runs as runs on expirations.run_id = runs.id
-- By the plan: the card may belong to another program since.
inner join loyalty.expiration_cohort_members as members
    on
        expirations.run_id = members.run_id
        and members.kind = 'expiry'
        and expirations.card_id = members.card_id
inner join loyalty.expiration_run_programs as run_programs
    on expirations.run_id = run_programs.run_id and members.program_id = run_programs.program_id
inner join loyalty.loyalty_transactions as ledger on expirations.transaction_id = ledger.id
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
left join
    lateral (
        select
            counted.id,
            counted.transaction_type
        from loyalty.loyalty_transactions as counted
        where
            counted.card_id = expirations.card_id
            and counted.transaction_at = expirations.cycle_started_at
            and counted.transaction_type in (
                'card_created', 'welcome_bonus', 'points_earned', 'points_redeemed',
                'stamp_earned', 'stamp_redeemed'
            )
        order by counted.id desc
        limit 1
    ) as activity
    on true
where expirations.card_id = %(card_id)s::bigint
order by expirations.transaction_id desc
