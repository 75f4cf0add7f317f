-- Keeps the cards that the next local day of each program would expire if nobody came back.
-- In: the closed daily run's programs, and loyalty.expiration_forecast. Out: one row per card in
-- expiration_forecast_cards; none for a dry run, or once a later daily run has closed its books on
-- the program: that would be no forecast any more.
-- Binds: run_id.
-- Rerun: what was kept first stands.
insert into loyalty.expiration_forecast_cards (
    run_id, program_id, card_id, cycle_started_at, points, expires_on
)
with
programs as materialized (
    select
        run_programs.program_id,
        run_programs.today - settings.points_expiration_days as last_active_on
    from loyalty.expiration_runs as runs
    inner join loyalty.expiration_run_programs as run_programs on runs.id = run_programs.run_id
    inner join loyalty.loyalty_programs as settings on run_programs.program_id = settings.id
    where
        runs.id = %(run_id)s::bigint
        and runs.status = 'closed'
        and runs.run_type = 'daily'
        and not runs.dry_run
        and run_programs.exempt_reason is null
        and settings.points_expiration_days between 1 and 36500
        and not exists (
            select 1
            from loyalty.expiration_forecast_cards as kept
            where kept.run_id = %(run_id)s::bigint
        )
        and not exists (
            select 1
            from loyalty.expiration_runs as later
            inner join loyalty.expiration_run_programs as later_programs
                on later.id = later_programs.run_id
            where
                later.id > runs.id
                and later_programs.program_id = run_programs.program_id
                and later.status = 'closed'
                and later.run_type = 'daily'
                and not later.dry_run
        )
),

candidates as (
    select cards.id
    from programs
    cross join lateral (
        select inactive.id
        from loyalty.loyalty_cards as inactive
        where
            inactive.program_id = programs.program_id
            and inactive.points_balance > 0
            and inactive.is_active
            and inactive.last_activity_at > '1970-01-01 00:00:00+00'
            -- To the end of that day in any zone; the forecast's own dates decide.
            and inactive.last_activity_at
            < programs.last_active_on::timestamp at time zone 'UTC' + interval '2 days'
        -- Keeps the planner on the inactivity index, program by program.
        offset 0
    ) as cards
),

-- The cards first, once: the planner expects one program of a run that nobody has counted yet, and
-- would look at all cards again for each.
foreseen_cards as materialized (
    select
        %(run_id)s::bigint as run_id,
        forecast.program_id,
        forecast.card_id,
        forecast.cycle_started_at,
        forecast.points,
        forecast.expires_on
    from loyalty.expiration_forecast as forecast
    -- Ids, not a join: it would read all cards to find a few.
    where forecast.card_id = any(array(select candidates.id from candidates))
)

select
    run_programs.run_id,
    foreseen_cards.program_id,
    foreseen_cards.card_id,
    foreseen_cards.cycle_started_at,
    foreseen_cards.points,
    foreseen_cards.expires_on
from foreseen_cards
inner join loyalty.expiration_run_programs as run_programs
    on
        foreseen_cards.run_id = run_programs.run_id
        and foreseen_cards.program_id = run_programs.program_id
where foreseen_cards.expires_on <= run_programs.today + 1
on conflict do nothing
