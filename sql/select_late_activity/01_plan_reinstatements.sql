-- Plans to give back what expired although its customer had come in time: the activity happened
-- within the days on which the points could be used, but reached the database after the expiry.
-- In: expiries of the last 400 days that are not given back yet, of the run's programs, whose card
-- has left the cycle. Out: one row per expiry in reinstatement_members, with the first such
-- activity, whatever its id. Without the bound each day would look through all that ever expired.
-- The local day is that of the zone by which the points expired.
-- Binds: run_id.
-- Rerun: the plan is insert-only; an expiry that is planned already keeps its row.
insert into loyalty.reinstatement_members (
    run_id, expiration_id, card_id, program_id, merchant_id, points, activity_id
)
with
-- One step after the other: while nobody has counted the expiries they pass for none, and all of
-- them would be joined with every program.
left_cycles as materialized (
    select
        expirations.transaction_id,
        expirations.card_id,
        expirations.cycle_started_at,
        expirations.points,
        expirations.run_id,
        coalesce(expirations.usable_until, expirations.due_on) as usable_until,
        cards.program_id,
        cards.merchant_id
    from loyalty.expirations as expirations
    inner join loyalty.loyalty_cards as cards on expirations.card_id = cards.id
    where
        expirations.reinstated_by is null
        and coalesce(expirations.usable_until, expirations.due_on) >= (
            select (runs.as_of at time zone 'UTC')::date - 400
            from loyalty.expiration_runs as runs
            where runs.id = %(run_id)s::bigint
        )
        and cards.is_active
        -- The application moves it with every activity that is later than what it knows.
        and cards.last_activity_at > expirations.cycle_started_at
),

ended_cycles as materialized (
    select
        left_cycles.*,
        expiring_programs.time_zone
    from left_cycles
    inner join loyalty.expiration_run_programs as run_programs
        on left_cycles.program_id = run_programs.program_id
    inner join loyalty.expiration_run_programs as expiring_programs
        on
            left_cycles.run_id = expiring_programs.run_id
            and left_cycles.program_id = expiring_programs.program_id
    where
        run_programs.run_id = %(run_id)s::bigint
        and run_programs.exempt_reason is null
),

late_activities as (
    select
        ended_cycles.*,
        activities.activity_id
    from ended_cycles
    cross join lateral (
        select min(ledger.id) as activity_id
        from loyalty.loyalty_transactions as ledger
        where
            ledger.card_id = ended_cycles.card_id
            and ledger.transaction_type in (
                'card_created', 'welcome_bonus', 'points_earned', 'points_redeemed',
                'stamp_earned', 'stamp_redeemed'
            )
            and ledger.transaction_at > ended_cycles.cycle_started_at
            and (ledger.transaction_at at time zone ended_cycles.time_zone)::date
            <= ended_cycles.usable_until
    ) as activities
)

select
    %(run_id)s::bigint as run_id,
    late_activities.transaction_id as expiration_id,
    late_activities.card_id,
    late_activities.program_id,
    late_activities.merchant_id,
    late_activities.points,
    late_activities.activity_id
from late_activities
where late_activities.activity_id is not null
on conflict do nothing
