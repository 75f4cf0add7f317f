-- Counts the planned cards on which nothing is decided yet, for a task's log of its progress.
-- In: the run's undecided plan rows of one kind. Out: one row.
-- Binds: run_id, kind.
-- A rerun counts what is left then.
select count(distinct undecided.card_id) as cards_left
from loyalty.undecided_members as undecided
where
    undecided.run_id = %(run_id)s::bigint
    and undecided.kind = %(kind)s::text
