-- Counts why planned cards of a run were left out.
-- In: expiration_skips of one run. Out: one row per kind and reason.
-- Binds: run_id.
-- A rerun reads again; it changes nothing.
select
    skips.kind,
    skips.reason,
    count(*) as cards_total
from loyalty.expiration_skips as skips
where skips.run_id = %(run_id)s::bigint
group by skips.kind, skips.reason
order by skips.kind asc, cards_total desc
