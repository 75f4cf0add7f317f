-- Invariant 13: minimum notice was given.
-- In: expirations of runs that owed notice by their snapshot. Out: one row per expiry without a
-- notice of its cycle that was opened more than that many local days before the run's today.
-- Binds: run_id (null: every card; else the cards of that run's plans).
-- A rerun reads only.
with
touched_cards as (
    select run_cards.card_id
    from loyalty.run_cards as run_cards
    where run_cards.run_id = %(run_id)s::bigint
    union
    select cards.id as card_id
    from loyalty.loyalty_cards as cards
    where %(run_id)s::bigint is null
)

select
    expirations.card_id,
    format(
        '%%s points expired by run %%s on %%s without %%s days of notice',
        expirations.points,
        expirations.run_id,
        run_programs.today,
        run_programs.min_notice_days
    ) as detail
from touched_cards
inner join loyalty.expirations as expirations on touched_cards.card_id = expirations.card_id
inner join loyalty.loyalty_cards as cards on expirations.card_id = cards.id
inner join loyalty.expiration_run_programs as run_programs
    on
        expirations.run_id = run_programs.run_id
        and cards.program_id = run_programs.program_id
where
    run_programs.min_notice_days > 0
    and not exists (
        select 1
        from loyalty.expiration_notices as notices
        where
            notices.card_id = expirations.card_id
            and notices.cycle_started_at = expirations.cycle_started_at
            and notices.opened_on + run_programs.min_notice_days < run_programs.today
    )
order by expirations.card_id
