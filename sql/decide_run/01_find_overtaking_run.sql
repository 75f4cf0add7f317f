-- Finds out whether a later daily run proposes the held program again: this plan has lapsed then.
-- In: the open run that waits for a decision. Out: one row; is_overtaken is false for a run that
-- decides on no held plan.
-- Binds: run_id.
-- A rerun asks again.
with
later_proposals as (
    select later.id
    from loyalty.expiration_runs as waiting
    inner join loyalty.expiration_run_programs as waiting_programs
        on waiting.id = waiting_programs.run_id
    inner join loyalty.expiration_run_programs as later_programs
        on waiting_programs.program_id = later_programs.program_id
    inner join loyalty.expiration_runs as later on later_programs.run_id = later.id
    where
        waiting.id = %(run_id)s::bigint
        and waiting.run_type = 'held'
        and later.id > waiting.held_run_id
        and later.run_type = 'daily'
        and not later.dry_run
        and later_programs.size_check = 'held'
)

select count(*) > 0 as is_overtaken
from later_proposals
