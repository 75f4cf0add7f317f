-- Describes a planned reinstatement for the person who decides on it, program by program.
-- In: the run's plan, and the cards as they are now. Out: one row per program: cards and points,
-- how many of the expiries would be skipped as things are, and how many came back since.
-- Binds: run_id.
-- A rerun reads only.
select
    members.program_id,
    programs.name as program_name,
    merchants.name as merchant_name,
    count(*) as expiries_planned,
    count(distinct members.card_id) as cards_planned,
    sum(members.points)::bigint as points_planned,
    count(*) filter (
        where (cards.is_active and programs.is_active and merchants.is_active) is not true
    ) as expiries_inactive,
    count(*) filter (where cards.last_activity_at > expirations.cycle_started_at)
        as expiries_come_back
from loyalty.reinstatement_members as members
inner join loyalty.expirations as expirations on members.expiration_id = expirations.transaction_id
inner join loyalty.loyalty_cards as cards on members.card_id = cards.id
inner join loyalty.loyalty_programs as programs on members.program_id = programs.id
inner join loyalty.merchants as merchants on members.merchant_id = merchants.id
where members.run_id = %(run_id)s::bigint
group by members.program_id, programs.name, merchants.name
order by members.program_id
