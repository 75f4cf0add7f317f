-- Programs that are held and wait for a person: their latest real daily run holds them, and nobody
-- has decided on that plan. A run for some merchants says nothing about the programs of the others.
create view loyalty.held_programs as
select
    held.run_id,
    held.program_id,
    held.merchant_id,
    held.expiry_cards_planned as cards_held,
    held.expiry_points_planned as points_held
from loyalty.expiration_run_programs as held
inner join loyalty.expiration_runs as runs on held.run_id = runs.id
where
    held.size_check = 'held'
    and runs.status = 'closed'
    and runs.run_type = 'daily'
    and not runs.dry_run
    and not exists (
        select 1
        from loyalty.expiration_run_programs as later_programs
        inner join loyalty.expiration_runs as later on later_programs.run_id = later.id
        where
            later_programs.program_id = held.program_id
            and later_programs.run_id > held.run_id
            and later.status = 'closed'
            and later.run_type = 'daily'
            and not later.dry_run
    )
    and not exists (
        select 1
        from loyalty.expiration_runs as decided
        inner join loyalty.expiration_run_programs as decided_programs
            on decided.id = decided_programs.run_id
        where
            decided.held_run_id = held.run_id
            and decided.decision is not null
            and decided_programs.program_id = held.program_id
    );

grant select on loyalty.held_programs to loyalty_pipeline, loyalty_reader;
